"""IA703: engines of ended units that are cleaned up late, or by nobody."""

from __future__ import annotations

import sys
import time
import types
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.model.rules import Severity

SOURCE = """
class Engine:
    def __init__(self, user):
        self.user = user

    def ask(self):
        return 42

    def cleanup(self):
        if self.user == "failing":
            raise OSError

    async def aclose(self):
        pass
"""


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = types.ModuleType("app_that_cleans_up")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(SOURCE, "app_that_cleans_up.py", "exec"), vars(module))
    return module


@contextmanager
def audited(grace: str = "1ms", unended: str = "1ms", **engine: Any):
    engines = [
        {"target": "app_that_cleans_up:Engine", "owner": "args.user", "cleanup": ["cleanup", "aclose"], **engine}
    ]
    limits = {"grace": grace, "unended": unended}
    with Auditor(parse_config({"engines": engines, "limits": limits})) as auditor:
        yield auditor


def look(auditor: Auditor, grace: float = 60.0) -> list[Any]:
    """The first look notes what is over, the second comes after the wait."""
    auditor.settle(60.0)
    time.sleep(0.003)
    auditor.settle(grace)
    return [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule == "IA703"]


def one_that_is_cleaned_up(app: Any, user: str = "alice") -> None:
    with user_scope(user):
        engine = app.Engine(user)
        with suppress(OSError):
            engine.cleanup()


@pytest.mark.parametrize("kept", [True, False])
def test_never(app: Any, kept: bool) -> None:
    """Whether or not somebody still has it."""
    with audited() as auditor:
        one_that_is_cleaned_up(app)
        with user_scope("bob"):
            engine = app.Engine("bob")
        if not kept:
            del engine
        (finding,) = look(auditor)
    assert finding.severity is Severity.WARNING
    assert finding.message.endswith("was not cleaned up after its work had ended")
    assert finding.site.top.function == "test_never"


def test_late(app: Any) -> None:
    with audited(unended="1h") as auditor:
        with user_scope("alice"):
            engine = app.Engine("alice")
        assert look(auditor) == []
        engine.cleanup()
        (finding,) = look(auditor)
        assert len(look(auditor, 0.0)) == 1, "late is not never"
    assert "was cleaned up by cleanup only " in finding.message


@pytest.mark.parametrize("user", ["alice", "failing"])
def test_in_time(app: Any, user: str) -> None:
    with audited() as auditor:
        one_that_is_cleaned_up(app, user)
        with user_scope("alice"):
            engine = app.Engine("alice")
        engine.cleanup()
        assert look(auditor) + look(auditor, 0.0) == []


def test_a_method_that_nobody_ever_calls_is_a_note_at_the_end(app: Any) -> None:
    with audited() as auditor:
        with user_scope("alice"):
            app.Engine("alice")
        assert look(auditor) == []
        (finding,) = look(auditor, 0.0)
    assert finding.severity is Severity.NOTE


def test_what_serves_in_a_later_unit_was_made_to_last(app: Any) -> None:
    with audited(unended="1h") as auditor:
        one_that_is_cleaned_up(app)
        with user_scope("alice"):
            engine = app.Engine("alice")
        look(auditor)
        with user_scope("alice"):
            engine.ask()
        assert look(auditor, 0.0) == []


def test_engines_outside_of_units_and_without_a_cleanup_are_left_alone(app: Any) -> None:
    with audited() as auditor:
        one_that_is_cleaned_up(app)
        app.Engine("alice")
        assert look(auditor, 0.0) == []
    with audited(cleanup=[]) as auditor:
        with user_scope("alice"):
            app.Engine("alice")
        assert look(auditor, 0.0) == []
