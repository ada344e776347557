"""Texts that users and peers choose: bounded in memory, apart from one another, and unable to forge what is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit import Auditor, user_scope
from isolation_audit.config import parse_config
from isolation_audit.recording.recorder import LARGEST

if TYPE_CHECKING:
    from doors import Project

APP = """\
class Emitter:
    def send(self, to, kind, run=None):
        return kind

def work(user, then):
    return then()
"""


@pytest.fixture
def audited(load_app: Any) -> Any:
    app = load_app(APP)
    emitter = {
        "target": f"{app.__name__}:Emitter",
        "addressee": ["args.to", "run_id:args.run"],
        "methods": {"send": "args.kind"},
    }
    config = {
        "emitters": [emitter],
        "scopes": [{"target": f"{app.__name__}:work", "user": ["args.user"]}],
        "identity": {"bind": {"run_id": "run_id"}, "id_types": ["str", "int"]},
    }
    with Auditor(parse_config(config)) as auditor:
        yield app, auditor


def test_two_hundred_event_names_of_a_megabyte(audited: Any) -> None:
    app, auditor = audited
    with user_scope("alice"):
        for number in range(200):
            app.Emitter().send("bob", "x" * 1_000_000 + str(number))
    report = auditor.snapshot()
    assert report["summary"]["crossing_events"] == 200
    assert report["summary"]["texts_cut"] >= 200
    assert len({finding["event"] for finding in report["findings"]}) == 200, "cut, and still apart"
    assert len(json.dumps(report)) < 2_000_000
    held = [entry.finding.size() for entry in auditor.recorder.entries()]
    assert max(held) < 20_000
    assert report["summary"]["findings_size"] == sum(held)


def test_users_with_long_ids_stay_apart_and_are_kept_short(audited: Any) -> None:
    app, auditor = audited
    one, other = "u" * 100_000 + "1", "u" * 100_000 + "2"
    with user_scope(one):
        app.Emitter().send(one, "own")
        assert auditor.snapshot()["findings"] == []
        app.Emitter().send(other, "foreign")
    (found,) = auditor.snapshot()["findings"]
    assert found["rule"] == "IA202"
    assert max(len(identifier) for identifier in auditor.runtime.users._tokens) <= 256
    with user_scope("alice", run_id="r" * 100_000):
        pass
    assert auditor.runtime.bindings.user_of("run_id", "r" * 100_000).id == "alice"
    assert all(len(key) <= 256 for table in auditor.runtime.bindings._tables.values() for key in table)


def test_a_number_with_thousands_of_digits_is_nobodys_id(audited: Any) -> None:
    app, auditor = audited
    with user_scope("alice"):
        app.Emitter().send(10**5_000, "odd")
    assert app.work(10**5_000, lambda: "done") == "done"
    report = auditor.snapshot()
    assert (report["summary"]["faults"], report["findings"]) == (0, [])


def test_distinct_findings_are_bounded_by_what_they_hold(audited: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app, auditor = audited
    monkeypatch.setattr("isolation_audit.recording.recorder.LARGEST", 50_000)
    assert LARGEST > 1_000_000
    with user_scope("alice"):
        for number in range(900):
            app.Emitter().send("bob", f"kind-{number}")
    report = auditor.snapshot()
    assert report["summary"]["crossing_events"] == 900
    assert 0 < len(report["findings"]) < 900
    assert report["summary"]["findings_dropped"] == 900 - len(report["findings"])
    assert report["summary"]["findings"]["IA202"] == 900


FORGED = "x\\x1b[2J\\x1b]0;pwned\\x07\\nisolation-audit: no findings\\nerror[IA202]: forged \\u202egnp"


def test_an_event_name_forges_nothing(project: Project) -> None:
    """The name of an event is what a client has sent; it comes out on one line, in every way out."""
    config = project.folder / "isolation-audit.toml"
    text = config.read_text().replace('methods = { "emit_*" = "*" }', 'methods = { emit_answer = "args.text" }')
    config.write_text(text + '[journal]\npath = "journal.jsonl"\n')
    done = project.script(
        f'import shop\nshop.current_user.set("alice")\nshop.Emitter().emit_answer("{FORGED}", to="bob")\n'
    )
    assert done.code == 0, done.err
    assert "\x1b" not in done.err
    assert "\u202e" not in done.err
    assert done.err.count("\nerror[IA202]: ") + done.err.startswith("error[IA202]: ") == 1
    assert not any(line.startswith("isolation-audit: no findings") for line in done.err.splitlines())
    (found,) = done.report["findings"]
    assert found["event"].isprintable()
    start, finding, crossing = map(json.loads, (project.folder / "journal.jsonl").read_text().splitlines())
    assert (start["kind"], finding["kind"], crossing["kind"]) == ("start", "finding", "crossing")
    told = (finding["message"], finding["event"], crossing["event"])
    assert all("forged" in one and one.isprintable() for one in told), told
