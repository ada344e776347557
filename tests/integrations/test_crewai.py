"""CrewAI on uvicorn, without a model: memories that several users' work saves in and asks."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from typing import Any

import pytest
from clients import NAMED
from servers import visits
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from isolation_audit.config import parse_config

pytest.importorskip("crewai", reason="has an environment of its own: make libraries")

from crewai.memory.memory_scope import MemoryScope
from crewai.memory.unified_memory import Memory

numbers = itertools.count()


def embedder(texts: list[str]) -> list[list[float]]:
    """Vectors without a model."""
    return [[byte / 255 for byte in hashlib.sha256(text.encode()).digest()[:8]] for text in texts]


def memory(folder: Any, **fields: Any) -> Any:
    return Memory(storage=str(folder), embedder=embedder, llm="none", consolidation_threshold=1.0, **fields)


def save(kept: Any, text: str, **more: Any) -> None:
    # No two are alike: what to do with one that is there already, a model is asked.
    kept.remember(f"{text}, {next(numbers)}", categories=[], metadata={}, importance=0.5, **more)


def application(ask: Any) -> Any:
    """``/mine`` gives what ``ask(user)`` gives, on a thread, as crews run."""

    async def mine(request: Any) -> Any:
        return JSONResponse(await asyncio.to_thread(ask, request.headers["x-user"]))

    return Starlette(routes=[Route("/mine", mine), Route("/who", lambda _request: JSONResponse("somebody"))])


def recalled(kept: Any, **more: Any) -> list[str]:
    return [match.record.content for match in kept.recall("plan", depth="shallow", **more)]


def one_for_all(folder: Any, *, leaking: bool) -> Any:
    """One memory, with or without a scope for each user."""
    kept = memory(folder)

    def ask(user: str) -> Any:
        scope = "/plans" if leaking else f"/plans/{user}"
        save(kept, f"{len(user)} tulips", scope=scope)
        return recalled(kept, scope=scope)

    return ask


def views(folder: Any, *, leaking: bool) -> Any:
    """A view of it, as agents get one."""
    kept = memory(folder)

    def ask(user: str) -> Any:
        view = MemoryScope(memory=kept, root_path="/all" if leaking else f"/of/{user}")
        save(view, f"{len(user)} tulips", scope="/")
        return recalled(view)

    return ask


def private(folder: Any, *, leaking: bool) -> Any:
    """What is saved as private is given to its source alone."""
    kept = memory(folder)

    def ask(user: str) -> Any:
        save(kept, f"{len(user)} tulips", scope="/plans", source=user, private=not leaking)
        return recalled(kept, scope="/plans", source=user)

    return ask


def found(done: Any) -> set[tuple[str, str]]:
    told = [one for rule, several in done.findings.items() for one in several if rule < "IA9"]
    return {(one.rule, one.severity.value) for one in told}


@pytest.mark.parametrize("make", [one_for_all, views, private])
@pytest.mark.parametrize("leaking", [True, False])
def test_a_memory_in_which_another_users_work_finds_what_alice_has_saved(audited, tmp_path, make, leaking) -> None:
    ask = make(tmp_path / "memory", leaking=leaking)
    done = audited(lambda: visits(application(ask)), NAMED)
    assert ["tulips" in one for one in done.result] == [True] * 3
    assert ("5 tulips" in done.result[1]) == leaking
    assert found(done) == ({("IA207", "warning")} if leaking else set())


def test_what_nobody_has_saved_is_everybodys(audited, tmp_path) -> None:
    kept = memory(tmp_path / "memory")
    save(kept, "opening hours", scope="/shop")
    done = audited(lambda: visits(application(lambda _user: recalled(kept, scope="/shop"))), NAMED)
    assert all("opening hours" in one for one in done.result)
    assert found(done) == set()


def test_a_memory_that_was_emptied(audited, tmp_path) -> None:
    kept = memory(tmp_path / "memory")

    def ask(user: str) -> Any:
        got = recalled(kept, scope="/plans")
        save(kept, f"{len(user)} tulips", scope="/plans")
        kept.reset(scope="/plans")
        return got

    done = audited(lambda: visits(application(ask)), NAMED)
    assert done.result == ["[]"] * 3
    assert found(done) == set()


def test_a_scope_that_is_shared_on_purpose(audited, tmp_path) -> None:
    ask = one_for_all(tmp_path / "memory", leaking=True)
    config = {"report": {"raw_ids": True, "terminal": False}, "addressees": {"shared": ["/plans"]}}
    done = audited(lambda: visits(application(ask)), parse_config(config))
    assert found(done) == set()
