"""The harness of ``make apps``, with an application that is as small as can be."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).parent
MODULES = ("catalogue", "forms", "driving", "comparing", "serving", "judging")


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    monkeypatch.syspath_prepend(str(HERE))
    loaded = {}
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
        loaded[name] = importlib.import_module(name)
    yield loaded
    for name in MODULES:
        sys.modules.pop(name, None)


def finding(
    function: str, line: int, *, severity: str = "error", users: tuple[str, str] = ("a", "b")
) -> dict[str, Any]:
    site = {"file": f"/x/{function}.py", "line": line, "function": function}
    witnesses = {"ambient": users[0], "content": users[1], "provenance": "words"}
    return {"rule": "IA203", "severity": severity, "count": 1, "message": "m", "site": site, "origin": None} | {
        "witnesses": witnesses
    }


def test_an_application_is_driven_bare_audited_and_planted(harness: dict[str, ModuleType], tmp_path: Path) -> None:
    plants = tuple(harness["catalogue"].Plant(name, ("alice", "bob")) for name in ("last_reader", "never_leaks"))
    app = harness["catalogue"].App("toy", HERE / "toy", (), rounds=2, plants=plants)
    row = harness["judging"].judge(app, Path(sys.executable), tmp_path)
    assert (row.error, row.differences, row.findings, row.faults) == ("", [], [], 0)
    assert (row.requests, row.authenticated, row.known, row.verdict) == (12, 12, 12, "audited")
    assert row.planted == {"last_reader": "IA203", "never_leaks": "no finding names it"}
    assert row.missed == ["never_leaks: no finding names it"]
    assert row.failed, "a leak that is not found fails the run"
    assert row.p50 > 0


def test_a_program_that_does_not_start_says_why(harness: dict[str, ModuleType], tmp_path: Path) -> None:
    program = tmp_path / "serve.py"
    program.write_text("import sys\nsys.exit('no database')\n")
    app = harness["catalogue"].App("broken", tmp_path, ())
    row = harness["judging"].judge(app, Path(sys.executable), tmp_path / "run")
    assert "no database" in row.error
    assert row.failed


@pytest.mark.parametrize(
    ("bare", "audited", "apart"),
    [
        ("at 12:01:02 on 127.0.0.1:4000", "at 12:01:03 on 127.0.0.1:5000", ""),
        ('<input name="csrf_token" value="abc">', '<input name="csrf_token" value="xyz">', ""),
        ("  Just now", "  2 minutes ago", ""),
        ("balance 10", "balance 11", "'balance 10' bare, 'balance 11' audited"),
        ("one\ntwo", "one", "2 lines bare, 1 audited"),
    ],
)
def test_answers_are_compared_without_what_varies(
    harness: dict[str, ModuleType], bare: str, audited: str, apart: str
) -> None:
    answers = [harness["driving"].Answer(200, {}, text) for text in (bare, audited)]
    step = harness["driving"].Step("GET /", "alice", answers, [0.1, 0.1])
    told = harness["comparing"].differences([step])
    assert told == ([f"alice: GET /: {apart}"] if apart else [])


def test_a_status_or_a_header_that_differs_is_told(harness: dict[str, ModuleType]) -> None:
    answer, step = harness["driving"].Answer, harness["driving"].Step
    steps = [
        step("GET /a", "alice", [answer(200, {}, ""), answer(500, {}, "")]),
        step("GET /b", "alice", [answer(200, {}, ""), answer(200, {"vary": "Cookie"}, "")]),
    ]
    assert harness["comparing"].differences(steps) == [
        "alice: GET /a: status 200 bare, 500 audited",
        "alice: GET /b: header vary: '' bare, 'Cookie' audited",
    ]


def test_a_planted_leak_is_found_where_a_finding_names_its_line_and_both_users(harness: dict[str, ModuleType]) -> None:
    judging, plant = harness["judging"], harness["catalogue"].Plant("leak", ("a", "b"))
    lines = range(10, 20)
    right = finding("planted", 12)
    elsewhere, quiet = finding("planted", 25), finding("planted", 12, severity="note")
    another = finding("planted", 12, users=("a", "c"))
    assert judging.found(plant, lines, [elsewhere, right]) == ([right], "")
    assert judging.found(plant, lines, [elsewhere, finding("view", 12)]) == ([], "no finding names it")
    assert judging.found(plant, lines, [quiet])[1].startswith("a note only")
    assert judging.found(plant, lines, [another])[1].startswith("not both users")


def test_users_who_stay_unknown_fail_the_run(harness: dict[str, ModuleType]) -> None:
    row = harness["judging"].Row("a", authenticated=100, known=99)
    assert not row.failed
    row.known = 98
    assert row.failed


def test_forms_are_sent_with_what_the_page_has_set(harness: dict[str, ModuleType]) -> None:
    page = (
        '<form method=get><input name=q></form><form method=post action="/save"><input type=hidden name=token value=t>'
        "<input name=title><input type=checkbox name=on checked><input type=checkbox name=off>"
        "<select name=kind><option value=1><option value=2 selected></select><textarea name=text>old</textarea>"
        "<button name=go></form>"
    )
    form = harness["forms"].form_with(page, "title")
    assert (form.action, form.method) == ("/save", "post")
    expected = {"token": "t", "title": "new", "on": "on", "kind": "2", "text": "old"}
    assert form.filled({"title": "new"}) == expected
    with pytest.raises(LookupError, match="no form with a field 'absent'"):
        harness["forms"].form_with(page, "absent")


def test_every_application_of_the_table_has_its_programs(harness: dict[str, ModuleType]) -> None:
    apps = harness["catalogue"].read_apps()
    assert len(apps) >= 8
    for app in apps:
        lines = harness["judging"].function_lines(app.folder / "planted.py")
        assert len(app.plants) >= 2, app.name
        assert {plant.function for plant in app.plants} <= lines.keys(), app.name
        driver = app.driver()
        assert callable(driver.drive), app.name
        assert callable(driver.leak), app.name
        assert len({*driver.USERS}) >= 3, app.name
