"""The ratchet shrinks, and is what was written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit.exceptions import UsageError
from isolation_audit.progress.ratchet import Ratchet
from isolation_audit.progress.source import Found, Scope, Source

COUNTS = {"IA807": {"-": 1}, "app.old:Engine": {"P0": 3, "P1": 2}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    Ratchet(COUNTS).write(tmp_path / "ratchet.json", tmp_path)
    return tmp_path / "ratchet.json"


def test_it_is_read_as_it_was_written(file: Path) -> None:
    assert Ratchet.read(file) == Ratchet(COUNTS)
    assert [path.name for path in file.parent.iterdir()] == ["ratchet.json"]
    assert Ratchet.read(file.with_name("other.json")) is None


def test_findings_count_by_target_and_phase_or_by_rule() -> None:
    def one(rule, target, phase):
        return Found(rule, target, "chat.py", phase, ("-",))

    found = [one("IA803", "b:B", "P1"), one("IA801", "b:B", "P1"), one("IA801", "a:A", "-"), one("IA804", None, "P0")]
    counts = Ratchet.of(Source(tuple(found), 1, 1.0)).counts
    assert counts == {"IA804": {"P0": 1}, "a:A": {"-": 1}, "b:B": {"P1": 2}}
    assert list(counts) == sorted(counts)


@pytest.mark.parametrize(
    ("now", "reasons"),
    [
        (COUNTS, []),
        ({}, []),
        ({"app.old:Engine": {"P0": 4}}, ["app.old:Engine in phase P0 grew from 3 to 4"]),
        ({"app.old:Engine": {"-": 1}}, ["app.old:Engine grew from 0 to 1"]),
        ({"app.other:Bus": {"P0": 2}}, ["app.other:Bus in phase P0 is new: 2 found"]),
        ({"IA804": {"-": 1}}, ["IA804 is new: 1 found"]),
    ],
)
def test_reasons(now, reasons) -> None:
    assert list(map(str, Ratchet(COUNTS).growths(Ratchet(now)))) == reasons


counts = st.dictionaries(
    st.sampled_from(["a:A", "b:B", "IA806"]),
    st.dictionaries(st.sampled_from(["-", "P0"]), st.integers(1, 5), min_size=1),
)


@given(counts, counts)
def test_lowered_is_never_higher_and_lets_nothing_grow_unseen(allowed, found) -> None:
    ratchet, now = Ratchet(allowed), Ratchet(found)
    lowered = ratchet.lowered(now)
    assert lowered.growths(now) == [] or ratchet.growths(now)
    assert not ratchet.growths(lowered)
    assert lowered.shrunk(now) == 0
    assert [(one.name, one.phase) for one in lowered.growths(now)] == [
        (one.name, one.phase) for one in ratchet.growths(now)
    ]


@pytest.mark.parametrize("rule", ["IA804", "IA807"])
def test_it_stays_where_files_can_no_longer_be_read(rule) -> None:
    now = Ratchet({"app.old:Engine": {"P0": 1}, rule: {"-": 2}})
    assert Ratchet(COUNTS).lowered(now) == Ratchet(COUNTS)


@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        (lambda text: text.replace('"P0": 3', '"P0": 4'), "was changed by hand"),
        (lambda text: text.replace('"P0": 3', '"P0": "3"'), "was changed by hand"),
        (lambda text: text.replace('"schema": 1', '"schema": 2'), "is a ratchet of schema 2"),
        (lambda text: text.replace('"digest"', '"sum"'), "is no ratchet"),
        (lambda text: "<<<<<<< HEAD\n" + text, "is no ratchet"),
        (lambda _text: "", "is no ratchet"),
        (lambda _text: "[]", "is no ratchet"),
        (lambda _text: "null", "is no ratchet"),
        (lambda _text: '{"schema": 1, "references": [], "digest": ""}', "was changed by hand"),
        (lambda _text: "[" * 100_000, "is no ratchet"),
    ],
)
def test_a_file_that_is_not_as_it_was_written(file: Path, broken, cause: str) -> None:
    file.write_text(broken(file.read_text()))
    with pytest.raises(UsageError, match=cause):
        Ratchet.read(file)


def test_a_ratchet_without_scope_counts_everything(file: Path) -> None:
    """As earlier versions wrote it: with the digest of the references alone."""
    content = json.loads(file.read_text())
    del content["scope"]
    content["digest"] = hashlib.sha256(json.dumps(content["references"], sort_keys=True).encode()).hexdigest()
    file.write_text(json.dumps(content))
    assert Ratchet.read(file) == Ratchet(COUNTS)


def test_the_scope_is_kept_and_not_to_be_edited(file: Path) -> None:
    part = Ratchet(COUNTS, Scope(("app",), ("P0",)))
    part.write(file, file.parent)
    assert Ratchet.read(file) == part
    assert part.lowered(Ratchet({}, part.scope)) == Ratchet({}, part.scope)
    file.write_text(file.read_text().replace('"app"', '"."'))
    with pytest.raises(UsageError, match="was changed by hand"):
        Ratchet.read(file)


@pytest.mark.parametrize(
    ("ratchet", "scan", "said"),
    [
        (Scope(), Scope(), None),
        (Scope(("app",)), Scope(("app",)), None),
        (Scope(), Scope(("app", "lib")), "counts the whole tree, and this scan is of app, lib:"),
        (Scope(("app",)), Scope(), "counts app, and this scan is of the whole tree:"),
        (Scope(), Scope(phases=("P0",)), "counts the whole tree, and this scan is of the whole tree in phase P0:"),
    ],
)
def test_another_part_of_the_tree_is_refused(ratchet: Scope, scan: Scope, said: str | None) -> None:
    source = Source((), 1, 1.0, scan)
    if said is None:
        Ratchet({}, ratchet).check(source, Path("ratchet.json"))
        return
    with pytest.raises(UsageError, match=said):
        Ratchet({}, ratchet).check(source, Path("ratchet.json"))


@pytest.mark.parametrize("count", [0, -1, 1.0, True, "1", None])
def test_no_digest_makes_a_count_of_what_is_none(file: Path, count) -> None:
    Ratchet({"a:A": {"-": count}}).write(file, file.parent)
    with pytest.raises(UsageError):
        Ratchet.read(file)


def test_it_can_not_be_written_or_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't write"):
        Ratchet(COUNTS).write(tmp_path / "file" / "ratchet.json", tmp_path)
    with pytest.raises(UsageError, match="can't read"):
        Ratchet.read(tmp_path)


def test_a_module_is_no_rule() -> None:
    assert Ratchet({"legacy": {"-": 1}}).figures()["source.target.legacy"] == 1


def test_it_says_the_figures_before(file: Path) -> None:
    ratchet = Ratchet.read(file)
    assert ratchet is not None
    assert ratchet.figures() == {
        "source.references": 6, "source.phase.-": 1, "source.phase.P0": 3, "source.phase.P1": 2,
        "source.rule.IA807": 1, "source.target.app.old:Engine": 5,
    }  # fmt: skip


def test_it_has_the_form_of_its_schema_and_of_its_page(file: Path) -> None:
    reference = Path(__file__).parents[2] / "docs" / "reference"
    schema = json.loads((reference / "ratchet.schema.json").read_text())
    jsonschema.validate(json.loads(file.read_text()), schema)
    page = (reference / "burn-down.md").read_text()
    shown = page.partition("```json\n")[2].partition("```")[0]
    file.write_text(shown)
    ratchet = Ratchet.read(file)
    assert ratchet is not None
    ratchet.write(file, file.parent)
    assert file.read_text() == shown
