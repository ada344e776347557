"""IA9xx beyond the examples: faults are counted, and blind is an alarm."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config

if TYPE_CHECKING:
    import pytest

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
