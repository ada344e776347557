"""AG2 on uvicorn with a model that answers from a script: conversations of two users, agents built around the first."""

from __future__ import annotations

from typing import Any

import pytest
from clients import NAMED
from servers import visits
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

pytest.importorskip("ag2", reason="has an environment of its own: make libraries")

import ag2
from ag2.stream import MemoryStream
from ag2.testing import TestConfig


def application(ask: Any) -> Any:
    """``/mine`` gives what ``ask(user)`` gives."""

    async def mine(request: Any) -> Any:
        return JSONResponse(await ask(request.headers["x-user"]))

    return Starlette(routes=[Route("/mine", mine), Route("/who", lambda _request: JSONResponse("somebody"))])


def agent(*prompt: str) -> Any:
    return ag2.Agent("helper", *prompt, config=TestConfig("seven", "eight", "nine"))


def with_streams(*, leaking: bool) -> Any:
    """One agent for all, whose conversations the application keeps."""
    helper, streams = agent(), {}

    async def ask(user: str) -> Any:
        stream = streams.setdefault("all" if leaking else user, MemoryStream())
        return (await helper.ask("hello", stream=stream)).body

    return ask


def with_replies(*, leaking: bool) -> Any:
    """The next question is put to the last reply."""
    helper, replies = agent(), {}

    async def ask(user: str) -> Any:
        key = "all" if leaking else user
        reply = await (replies[key].ask("and now?") if key in replies else helper.ask("hello"))
        replies[key] = reply
        return reply.body

    return ask


def with_runs(*, leaking: bool) -> Any:
    """The same with runs that can be steered."""
    helper, replies = agent(), {}

    async def ask(user: str) -> Any:
        key = "all" if leaking else user
        opened = replies[key].run("and now?") if key in replies else helper.run("hello")
        async with opened as run:
            replies[key] = await run.result()
        return replies[key].body

    return ask


def found(done: Any) -> set[tuple[str, str]]:
    return {
        (one.rule, one.severity.value) for rule, several in done.findings.items() for one in several if rule < "IA9"
    }


@pytest.mark.parametrize("make", [with_streams, with_replies, with_runs])
@pytest.mark.parametrize("leaking", [True, False])
def test_a_conversation_with_which_another_users_work_goes_on(audited, make: Any, leaking: bool) -> None:
    ask = make(leaking=leaking)
    done = audited(lambda: visits(application(ask)), NAMED)
    assert all(answer in ('"seven"', '"eight"', '"nine"') for answer in done.result)
    assert found(done) == ({("IA207", "warning")} if leaking else set())


@pytest.mark.parametrize("leaking", [True, False])
def test_an_agent_that_is_built_around_the_first_users_id(audited, leaking: bool) -> None:
    built: dict[str, Any] = {}

    async def ask(user: str) -> Any:
        key = "all" if leaking else user
        built[key] = built.get(key) or agent(f"You help {user}.")
        return (await built[key].ask("hello")).body

    done = audited(lambda: visits(application(ask)), NAMED)
    assert found(done) == ({("IA201", "warning")} if leaking else set())


def test_one_agent_for_all_that_is_nobodys(audited) -> None:
    helper = agent("You help.")

    async def ask(user: str) -> Any:
        return (await helper.ask("hello", prompt=[f"This is {user}."])).body

    done = audited(lambda: visits(application(ask)), NAMED)
    assert len(done.result) == 3
    assert found(done) == set()
