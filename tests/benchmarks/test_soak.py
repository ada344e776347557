"""The soak in small: every table is filled, evicts, and stays within its cap; and it can fail."""

import importlib.util
import sys
from pathlib import Path

import pytest

from isolation_audit.content import secrets

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.fixture
def soak(monkeypatch):
    # Other tests' secrets would be users of this audit, too.
    monkeypatch.setattr(secrets, "_owners", {})
    spec = importlib.util.spec_from_file_location("soak_under_test", SOAK)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_twenty_thousand_events_leave_every_table_within_its_cap(soak, capsys):
    outcome = soak.soak(runs=2_000, table=200)
    # Memory of so short a run says nothing: allocators are still warming up beside other tests.
    assert [one for one in outcome.wrong if not one.startswith("memory")] == []
    assert outcome.events == 19_900
    last = capsys.readouterr().out.splitlines()[-1]
    assert "100 %" in last
    for table, evicted in {"users": 1_800, "bindings": 1_800, "runs": 3_800}.items():
        assert f"{table} 200 -{evicted}" in last


def test_it_notices_an_application_that_grows(soak, monkeypatch):
    kept = []
    resident = soak.resident
    monkeypatch.setattr(soak, "resident", lambda: (kept.append(0), resident() + 3.0 * len(kept))[1])
    outcome = soak.soak(runs=100, table=50, show=False)
    assert any("memory grew by" in one for one in outcome.wrong)


def test_it_notices_a_table_without_an_end(soak, monkeypatch):
    from isolation_audit.model import users

    monkeypatch.setattr(users, "let_go", lambda table, limit: ())
    outcome = soak.soak(runs=200, table=50, show=False)
    assert any("users hold" in one for one in outcome.wrong)
