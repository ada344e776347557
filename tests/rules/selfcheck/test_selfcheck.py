"""IA9xx beyond the examples: blind is an alarm, of one process and of many."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import Select, parse_config
from isolation_audit.coverage.verdict import judge
from isolation_audit.model.rules import Severity
from isolation_audit.rules.selfcheck.monitor import blindness, tell_blindness


def target(seen: int = 0, state: str = "applied", role: str = "engine") -> dict[str, Any]:
    return {"target": "app:Engine", "role": role, "state": state, "detail": "", "seen": seen}


def report(*targets: dict[str, Any], events: int = 0, unverified: int = 0) -> dict[str, Any]:
    return {"targets": list(targets), "summary": {"events_total": events, "events_unverified": unverified}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (report(), None),
        (report(target(3)), None),
        (report(target(0)), "1 target(s) instrumented, none of them was ever called"),
        (report(target(0), target(1)), None),
        (report(target(0, "waiting")), "none of the 1 targets' modules was ever imported"),
        (report(target(0, role="ambient")), None),
        (report(target(0, "late")), "1 target(s) instrumented, none of them was ever called"),
        (report(target(5), events=5, unverified=5), "5 event(s) seen, and never two witnesses to compare"),
        (report(target(5), events=5, unverified=4), None),
    ],
)
def test_blindness_of_a_merged_report(given: dict[str, Any], words: str | None) -> None:
    given["findings"] = []
    coverage = given["coverage"] = judge(given)
    assert blindness(coverage) == (f"blind: {words}" if words else "")
    tell_blindness(given, Select(disable=("IA9*",)))
    assert given["findings"] == []
    tell_blindness(given, Select(severity=(("IA904", Severity.ERROR),)))
    assert [(one["message"], one["severity"]) for one in given["findings"]] == (
        [(f"blind: {words}", "error")] if words else []
    )


def test_a_process_that_was_not_watched_stays_in_the_merged_report() -> None:
    part = {"rule": "IA904", "message": "1 target(s) instrumented, ...", "target": None, "count": 1}
    named = {"rule": "IA904", "message": "gevent ...", "target": "gevent.monkey", "count": 2}
    merged = report(target(1)) | {"findings": [part, named]}
    merged["summary"]["findings"] = {"IA904": 3}
    merged["coverage"] = judge(merged)
    tell_blindness(merged, Select())
    assert (merged["findings"], merged["summary"]["findings"]) == ([named], {"IA904": 2})
    idle = report(target(1)) | {"findings": [part]}
    idle["coverage"] = judge(idle)
    tell_blindness(idle, Select())
    assert (idle["findings"], idle["summary"]["findings"]) == ([], {})


CONFIG = '[[scopes]]\ntarget = "APP:work"\nuser = ["args.user"]\n'


def test_faults_are_counted_reported_and_end_with_the_allowance(load_app, monkeypatch: pytest.MonkeyPatch) -> None:
    from isolation_audit.targets.scope import ScopePoint

    app = load_app("def work(user):\n    return user\n")

    def fail(*_arguments: Any) -> None:
        raise RuntimeError("quotes alice's data")

    monkeypatch.setattr(ScopePoint, "before", fail)
    config = parse_config(tomllib.loads(CONFIG.replace("APP", app.__name__) + "[limits]\nfaults = 3\n"))
    with Auditor(config) as auditor:
        assert [app.work("alice") for _ in range(10)] == ["alice"] * 10
    assert auditor.snapshot()["summary"]["faults"] == 3
    finding = next(entry.finding for entry in auditor.recorder.entries() if entry.finding.rule == "IA903")
    assert finding.message.startswith(f"{app.__name__}:work: RuntimeError inside the auditor")
    assert "alice" not in finding.message


def test_events_without_a_second_witness_are_no_proof_of_health(load_app) -> None:
    app = load_app("def send(text, to=None):\n    pass\n")
    config = parse_config(tomllib.loads(f'[[emitters]]\ntarget = "{app.__name__}:send"\naddressee = ["args.to"]\n'))
    with Auditor(config) as auditor, user_scope("alice"):
        app.send("hello")
    assert auditor.recorder.counts["IA904"] == 1
    with Auditor(config) as auditor, user_scope("alice"):
        app.send("hello", to="alice")
    assert auditor.recorder.counts["IA904"] == 0


def test_a_process_that_is_one_of_many_leaves_the_verdict_to_the_supervisor(load_app) -> None:
    app = load_app("class Engine:\n    pass\n")
    config = parse_config(tomllib.loads(f'[[engines]]\ntarget = "{app.__name__}:Engine"\n'))
    with Auditor(config, supervised=True) as auditor:
        pass
    assert auditor.recorder.counts["IA904"] == 0
