"""The HTML report: all of a report is in it, as text, and a browser has nothing to run or to fetch."""

from __future__ import annotations

import base64
import copy
import hashlib
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isolation_audit.exporters.comparison import figures
from isolation_audit.exporters.html import as_html
from isolation_audit.exporters.html.page import DETAILED, LISTED, page
from isolation_audit.exporters.html.source_lines import SourceLines
from sample_report import finding, report

NOWHERE = Path("/nonexistent")


class Document(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(attributes)) for tag, attributes in self.tags]


def made(told: dict[str, Any], earlier: dict[str, Any] | None = None) -> str:
    return as_html(page(told, SourceLines(NOWHERE), None if earlier is None else figures(earlier)))


def test_all_of_a_finding_is_there() -> None:
    text = Document(made(report(finding()))).text
    for words in (
        *("partly blind", "because words", "message words", "help words", "/srv/words/views.py:3", "send words"),
        *("sent words here", "user-words", "came from words", "rows words (2)", "GET /items/words, field $.words"),
        *("run-words", "trace words", "test words", "target = words", "0000000000000000", "shop.state:words", '"last"'),
        *("2026-05-28 20:26:40 UTC", "An event was sent to another user"),
    ):
        assert words in text, words


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'></title></style></svg><h1>No findings</h1>",
    "{{ 7 * 7 }} {% raw %} {# #}",
    "]]> --> <!-- &lt;b&gt; &#60;b>",
    "javascript:alert(1)",
    "x' onmouseover='alert(1)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_report_is_taken_for_markup(text: str) -> None:
    tame, wild = (Document(made(report(finding(text=one), text=one), report())) for one in ("words", text))
    assert wild.shape() == tame.shape()
    assert f"message {text}" in wild.text
    assert f"because {text}" in wild.text


def test_a_browser_runs_nothing_and_fetches_nothing() -> None:
    html = made(report(*(finding(number) for number in range(5))), report())
    document = Document(html)
    assert not {tag for tag, _ in document.tags} & {
        "script",
        "img",
        "link",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
    }
    addresses = [value for _, found in document.tags for name, value in found.items() if name in ("href", "src")]
    assert addresses
    assert all(address is not None and address.startswith("#") for address in addresses)
    assert not [found for _, found in document.tags if any(name.startswith("on") or name == "style" for name in found)]
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(found["content"] for tag, found in document.tags if tag == "meta" and "http-equiv" in found)
    assert policy is not None
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")


def test_it_can_be_walked_by_keyboard_and_read_aloud() -> None:
    document = Document(made(report(*(finding(number) for number in range(5))), report()))
    tags = [tag for tag, _ in document.tags]
    for landmark in ("header", "nav", "main", "footer"):
        assert tags.count(landmark) == 1
    assert tags.count("h1") == 1
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    names = {found["id"] for _, found in document.tags if "id" in found}
    links = {found["href"] for tag, found in document.tags if tag == "a"}
    assert links <= {f"#{name}" for name in names}
    assert len(names) == sum("id" in found for _, found in document.tags)
    assert all("scope" in found for tag, found in document.tags if tag == "th")
    assert all("aria-labelledby" in found or "aria-label" in found for tag, found in document.tags if tag == "svg")
    scrolls = [found for _, found in document.tags if found.get("class") in ("scroll", "code")]
    assert scrolls
    assert all(found.get("tabindex") == "0" and found.get("role") == "group" for found in scrolls)


def test_ten_thousand_findings_stay_openable_and_what_is_left_out_is_told() -> None:
    told = report(*(finding(number, severity=("error", "note")[number % 2]) for number in range(10_000)))
    html = made(told)
    assert len(html) < 8_000_000
    assert html.count('<details class="finding ') == DETAILED
    assert f"{LISTED:,} further findings, a line each" in html
    assert f"{10_000 - DETAILED - LISTED:,} further findings are not in this page" in html
    assert "<strong>5,000 errors, 5,000 notes</strong>" in html


def test_the_matrix_has_those_who_met_most() -> None:
    pairs = [{"ambient": f"a{n:02}", "other": f"b{n:02}", "count": n + 1} for n in range(20)]
    notes = finding(1, severity="note", pairs=[{"ambient": "n", "other": "m", "count": 99}])
    made_page = page(report(finding(pairs=pairs, pairs_total=1000), notes), SourceLines(NOWHERE))
    matrix = made_page.matrix
    assert [row.user for row in matrix.rows] == [f"a{n:02}" for n in range(5, 20)]
    assert matrix.rows[-1].cells[-1].count == 20
    assert matrix.rows[-1].cells[-1].shade == 5
    assert (matrix.rows[0].cells[0].shade, matrix.rows[0].cells[1].shade) == (2, 0)
    assert (matrix.users, matrix.pairs_known, matrix.pairs_total) == (40, 20, 1000)


def test_the_trend_tells_what_came_and_went() -> None:
    before, after = report(finding(1, text="old")), report(finding(2, text="new"), finding(3, text="more"))
    text = Document(made(after, before)).text
    assert "2 new, 1 gone" in text
    assert text.index("message new") < text.index("Gone")
    assert "message old" in text
    assert "worse" in text


def test_a_clean_run_says_so_and_a_blind_one_does_not() -> None:
    clean, blind = (report(coverage={"verdict": verdict, "reasons": []}) for verdict in ("audited", "blind"))
    assert "No findings in what was seen." in made(clean)
    assert "No findings in what was seen." not in made(blind)
    assert "Nothing was judged" in made(blind)


class TestSourceLines:
    """Lines are shown of the application's own files, as they were."""

    @pytest.fixture(name="root")
    def _root(self, tmp_path: Path) -> Path:
        root = tmp_path / "app"
        (root / "x-packages").mkdir(parents=True)
        for file in (root / "views.py", root / "x-packages" / "lib.py", tmp_path / "outside.py", root / "secret.txt"):
            file.write_text("def view():\n\tif 1:\n\t\tsend(\u202e)\n\nlast\n")
        (root / "link.py").symlink_to(tmp_path / "outside.py")
        return root

    def test_around_the_line_that_is_meant(self, root: Path) -> None:
        lines = SourceLines(root).around(str(root / "views.py"), 3, 4e9)
        assert [line.number for line in lines] == [1, 2, 3, 4, 5]
        assert [line.text for line in lines if line.meant] == ["        send(\\u202e)"]

    @pytest.mark.parametrize(
        "file",
        ["../outside.py", "x-packages/lib.py", "secret.txt", "link.py", "/etc/passwd", "none.py", "nul\0.py", ""],
    )
    def test_no_other_file_is_read(self, root: Path, file: str) -> None:
        assert SourceLines(root).around(file, 1, 4e9) == ()

    def test_a_file_that_has_changed_since_may_say_something_else(self, root: Path) -> None:
        sources = SourceLines(root)
        assert sources.around(str(root / "views.py"), 3, 1.0) == ()
        assert sources.changed == {str(root / "views.py")}

    def test_a_line_that_is_not_there(self, root: Path) -> None:
        assert SourceLines(root).around("views.py", 99, 4e9) == ()
        assert SourceLines(root).line("views.py", 0, 4e9) == ""


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
) | st.sampled_from([10**400, -1, "error", "IA202"])


def _spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [path, *(spot for key in keys for spot in _spots(value[key], (*path, key)))]


WHOLE = report(finding(), finding(1, severity="note"))
SPOTS = [spot for spot in _spots(WHOLE) if spot]


@settings(deadline=None)
@given(st.sampled_from(SPOTS), ANY)
def test_a_report_of_another_form_is_told_or_shown(spot: tuple[Any, ...], value: Any) -> None:
    told = copy.deepcopy(WHOLE)
    place: Any = told
    for key in spot[:-1]:
        place = place[key]
    place[spot[-1]] = value
    try:
        html = made(told, told)
    except (LookupError, TypeError, ValueError, AttributeError):
        return  # what read_report() turns into one sentence
    assert html.startswith("<!DOCTYPE html>")
    assert html.endswith("</html>")
