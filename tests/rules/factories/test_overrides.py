"""IA106: factories that others stand in for, by `dependency_overrides`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engines_by_ways import APP, START


@pytest.fixture
def app(application):
    application.write(app=APP)
    application.start(START)
    return application.load("app")


@pytest.mark.parametrize("override", ["make_engine", "Making"])
def test_an_override_outside_of_tests_is_named(application, app: Any, monkeypatch, override: str) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    call = getattr(app, override)
    app.app.dependency_overrides[app.get_engine] = call() if isinstance(call, type) else call
    for user in ("alice", "bob"):
        assert asyncio.run(app.get(f"/?user_id={user}")) == user
    findings = application.found("IA106")
    assert len(findings) == 1
    name = application.name
    assert f": {name}.app:{override} overrides the dependency {name}.app:get_engine" in findings[0].message
    assert findings[0].site.top.function.rpartition(".")[2] in ("make_engine", "__call__")
    assert not application.auditor.runtime.barrier.counts


def test_an_override_of_a_test_is_silent(application, app: Any) -> None:
    app.app.dependency_overrides[app.get_engine] = app.make_engine
    assert asyncio.run(app.get("/?user_id=alice")) == "alice"
    assert not application.found("IA106", "IA107")
    app.make_engine("bob").close()
    app.Engine("bob")
    (finding,) = application.found("IA106")
    assert "overrides" not in finding.message


def test_an_override_that_asks_the_factory_is_silent(application, app: Any, monkeypatch) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    app.app.dependency_overrides[app.get_engine] = app.ask_properly
    assert asyncio.run(app.get("/?user_id=alice")) == "alice"
    assert not application.found("IA106", "IA107")
