"""IA107: factory objects of which each keeps an engine of one user."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engines_by_ways import APP, START

from isolation_audit.model.rules import Severity


@pytest.fixture
def app(application):
    application.write(app=APP)
    application.start(START)
    return application.load("app")


def build(made: Any, *users: str) -> list[Any]:
    async def main() -> list[Any]:
        return [await made.create(user) for user in users]

    return asyncio.run(main())


def test_two_factory_objects_that_each_keep_an_engine_of_one_user(application, app: Any) -> None:
    first, second = app.Factory(), app.Factory()

    def by_first() -> Any:
        return build(first, "alice")

    def by_second() -> Any:
        return build(second, "alice")

    kept = by_first(), by_second()
    assert len(kept) == 2
    (finding,) = application.found("IA107")
    assert finding.severity is Severity.WARNING
    assert "two factory objects: each " in finding.message
    assert "Factory keeps its own in its _active" in finding.message
    assert finding.witnesses.owner is not None
    assert finding.site is not None
    assert finding.origin is not None
    assert finding.site.stack != finding.origin.stack


def test_a_register_of_a_subclass_is_filled_later(application, app: Any) -> None:
    kept = app.LateFactory(), app.LateFactory()
    made = [build(factory, "alice") for factory in kept]
    assert len(made) == 2
    (finding,) = application.found("IA107")
    assert "LateFactory keeps its own in its " in finding.message


def test_factory_objects_that_share_nobody_are_silent(application, app: Any) -> None:
    first, second, passing, other = app.Factory(), app.Factory(), app.PassingFactory(), app.PassingFactory()
    kept = [build(first, "alice", "alice"), build(second, "bob")]
    kept += [build(passing, "carol"), build(other, "carol")]
    first.end("alice")
    kept.append(build(second, "alice"))
    assert len(kept) == 5
    assert not application.found("IA106", "IA107")
    assert not application.auditor.runtime.barrier.counts


def test_a_factory_that_is_gone_is_no_second_one(application, app: Any) -> None:
    kept = [build(app.Factory(), "alice"), build(app.Factory(), "alice")]
    assert len(kept) == 2
    assert not application.found("IA107")
