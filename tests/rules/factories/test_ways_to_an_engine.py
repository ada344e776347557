"""IA106 and IA107: factories that others stand in for, and factory objects of which each knows a part."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from isolation_audit.model.rules import Severity

APP = """\
import asyncio
from fastapi import Depends, FastAPI

class Engine:
    def __init__(self, user_id):
        self.user_id = user_id

class Factory:
    def __init__(self):
        self._active = {}

    async def create(self, user_id):
        made = Engine(user_id)
        self._active[f"{user_id}-1"] = made
        return made

    def end(self, user_id):
        self._active.pop(f"{user_id}-1", None)

class LateFactory(Factory):
    async def create(self, user_id):
        self.made = await super().create(user_id)
        self._active.clear()
        self.by_user = {user_id: self.made}
        return self.made

class PassingFactory:
    def __init__(self):
        self.settings = {"limit": 3}

    async def create(self, user_id):
        return Engine(user_id)

factory = Factory()
app = FastAPI()
kept = []

async def get_engine(user_id: str):
    return await factory.create(user_id)

async def make_engine(user_id: str):
    return Engine(user_id)

class Making:
    def __call__(self, user_id: str):
        return Engine(user_id)

async def ask_properly(user_id: str):
    return await factory.create(user_id)

@app.get("/")
async def root(engine=Depends(get_engine)):
    kept.append(engine)
    return engine.user_id

async def get(path):
    from httpx import ASGITransport, AsyncClient
    async with AsyncClient(transport=ASGITransport(app), base_url="http://app") as client:
        return (await client.get(path)).json()
"""

CONFIG = """\
[[engines]]
target = "PACKAGE.app:Engine"
owner = "args.user_id"
"""


def factory(name: str, *, canonical: bool = False) -> str:
    builds = 'builds = "PACKAGE.app:Engine"'
    return f'\n[[factories]]\ntarget = "PACKAGE.app:{name}"\n{builds}\ncanonical = {str(canonical).lower()}\n'


@pytest.fixture
def app(application):
    application.write(app=APP)
    application.start(
        CONFIG + factory("Factory.create", canonical=True) + factory("PassingFactory.create", canonical=True)
    )
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
