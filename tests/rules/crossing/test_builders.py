"""IA201 for agents: one that was built around one user's id, and runs in the work of another."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from auditing import current_user
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from isolation_audit.rules.crossing.builders import Builders

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditing import Audit

ALICE, BOB = "alice.liddell", "bob.builder"


class Agent:
    """What a framework builds, and runs."""

    def __init__(self, *tools: Any) -> None:
        self.tools = tools
        self.history: list[str] = []


@pytest.fixture
def builders(audit: Audit) -> Builders:
    return audit.auditor.runtime.part(Builders)


def ask(handle: Callable[[str], object], *users: str) -> None:
    """One request for each of them, in their work."""

    async def view(request: Any) -> JSONResponse:
        current_user.set(request.headers["x-user"])
        handle(request.headers["x-user"])
        return JSONResponse("done")

    async def main() -> None:
        transport = httpx.ASGITransport(Starlette(routes=[Route("/", view)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            for user in users:
                assert (await client.get("/", headers={"x-user": user})).json() == "done"

    asyncio.run(main())


def first_of_all(
    builders: Builders, make: Callable[[str], Agent], key: Callable[[str], str] = lambda _user: "all"
) -> Any:
    """Builds an agent for whoever comes first with a key, and runs it for everybody else with it."""
    kept: dict[str, Agent] = {}

    def handle(user: str) -> None:
        if key(user) not in kept:
            kept[key(user)] = make(user)
            builders.built(kept[key(user)])
        builders.runs("app:Agent.run", kept[key(user)])

    return handle


def around(user: str) -> Agent:
    return Agent(lambda: user)


def partly(user: str) -> Agent:
    return Agent(partial(print, user))


def of_nobody(_user: str) -> Agent:
    return Agent(len)


def of_both(user: str) -> Agent:
    return Agent(lambda: user, partial(print, ALICE), partial(print, BOB))


@pytest.mark.parametrize("make", [around, partly])
def test_what_is_built_around_the_first_one_s_id_runs_for_the_next(audit: Audit, builders: Builders, make) -> None:
    ask(first_of_all(builders, make), ALICE, ALICE, BOB)
    (finding,) = audit.found("IA201")
    assert (finding.severity.value, finding.witnesses.owner, finding.witnesses.ambient) == ("warning", ALICE, BOB)
    assert finding.origin_label == "built here"


@pytest.mark.parametrize(
    ("make", "key"), [(of_nobody, lambda _user: "all"), (of_both, lambda _user: "all"), (around, lambda user: user)]
)
def test_what_is_nobody_s_both_s_or_one_s_own(audit: Audit, builders: Builders, make, key) -> None:
    ask(first_of_all(builders, make, key), ALICE, BOB, ALICE)
    assert audit.found("IA201") == []


def test_what_it_has_collected_since_says_nothing(audit: Audit, builders: Builders) -> None:
    agent = of_nobody("")

    def handle(user: str) -> None:
        if not agent.history:
            builders.built(agent)
        builders.runs("app:Agent.run", agent)
        agent.history.append(user)

    ask(handle, ALICE, BOB)
    assert audit.found("IA201") == []


def test_what_the_program_builds_before_any_request_is_nobody_s(audit: Audit, builders: Builders) -> None:
    agent = around(ALICE)
    audit.as_user(ALICE, builders.built, agent)
    ask(lambda _user: builders.runs("app:Agent.run", agent), BOB)
    assert audit.found("IA201") == []


def test_one_that_is_built_again_is_its_new_builder_s(audit: Audit, builders: Builders) -> None:
    agent = around(BOB)

    def handle(_user: str) -> None:
        builders.built(agent)
        builders.runs("app:Agent.run", agent)

    ask(handle, ALICE, BOB)
    ask(lambda _user: builders.runs("app:Agent.run", agent), BOB)
    assert audit.found("IA201") == []
