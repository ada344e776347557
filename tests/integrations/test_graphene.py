"""A schema of graphene's on uvicorn: whom its context names, and a loader for everybody or one a request."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from clients import NAMED, Browser, known, told
from servers import serving, visits
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

graphene = pytest.importorskip("graphene")
DataLoader = pytest.importorskip("aiodataloader").DataLoader

SESSIONS = {"opaque-1": "alice", "opaque-2": "bob"}
"""Whom the application's own sessions are of."""


def application(seen: list[Any], *, leaking: bool, context_of: Any) -> Any:
    """``/graphql`` runs a query; with ``leaking``, what one request has put down stays for the next one."""
    notes: list[str] = []

    class Query(graphene.ObjectType):
        note = graphene.String()

        def resolve_note(self, info: Any) -> str:
            own = notes if leaking else []
            own.append(json.dumps({"owner": user_in(info.context), "balance": 7}))
            seen.append(known())
            return own[0]

    schema = graphene.Schema(query=Query)

    async def graphql(request: Any) -> Any:
        context = context_of(SESSIONS[request.query_params["session"]])
        how = request.query_params["how"]
        if how == "async":
            result = await schema.execute_async("{ note }", context_value=context)
        elif how == "alias":
            result = schema.execute("{ note }", context=context)
        else:
            result = schema.execute("{ note }", None, context)
        assert result.errors is None
        return JSONResponse(json.loads(result.data["note"]))

    return Starlette(routes=[Route("/graphql", graphql)])


def user_in(context: Any) -> str:
    """The name of its user."""
    user = context["user"] if isinstance(context, dict) else context.user
    return user if isinstance(user, str) else user.username


def as_mapping(name: str) -> Any:
    return {"user": SimpleNamespace(username=name, password="secret")}


def as_object(name: str) -> Any:
    return SimpleNamespace(user=name)


@pytest.mark.parametrize("context_of", [as_mapping, as_object])
@pytest.mark.parametrize("how", ["async", "alias", "positional"])
@pytest.mark.parametrize("leaking", [True, False])
def test_a_query_is_its_contexts_users(audited, leaking, how, context_of):
    seen: list[Any] = []

    async def scenario() -> Any:
        async with serving(application(seen, leaking=leaking, context_of=context_of)) as url:
            browsers = [Browser(url), Browser(url)]
            asked = [f"/graphql?how={how}&session={session}" for session in SESSIONS]
            got = [json.loads(await one.get(path)) for one, path in zip(browsers, asked, strict=True)]
            for one in browsers:
                one.close()
            return got

    done = audited(scenario, NAMED)
    assert seen == ["alice", "bob"]
    assert [one["owner"] for one in done.result] == ["alice", "alice" if leaking else "bob"]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    assert done.auditor.runtime.tally.users_by_source["dependency"] == 2


@pytest.mark.parametrize("leaking", [True, False])
def test_what_a_loader_has_loaded_for_somebody_else(audited, leaking):
    """As Strawberry's: a loader of the module gives bob what was loaded for alice."""
    asking: list[str] = []

    async def load(keys: list[str]) -> list[Any]:
        return [json.dumps({"owner": asking[-1], "balance": 7}) for _ in keys]

    class Query(graphene.ObjectType):
        account = graphene.String()

        async def resolve_account(self, info: Any) -> str:
            return await info.context["loader"].load("mine")

    schema = graphene.Schema(query=Query)
    shared: list[Any] = []

    async def mine(request: Any) -> Any:
        asking.append(request.headers["x-user"])
        if not shared or not leaking:
            shared.append(DataLoader(load))
        result = await schema.execute_async("{ account }", context_value={"loader": shared[-1]})
        assert result.errors is None
        return JSONResponse(json.loads(result.data["account"]))

    async def who(request: Any) -> Any:
        return JSONResponse("somebody")

    app = Starlette(routes=[Route("/mine", mine), Route("/who", who)])
    done = audited(lambda: visits(app), NAMED)
    assert ["alice" in one for one in done.result] == [True, leaking, True]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])


def test_what_is_subscribed_to_is_its_contexts_users(audited):
    class Subscription(graphene.ObjectType):
        ticks = graphene.String()

        async def subscribe_ticks(self, info: Any) -> Any:
            yield known()

    class Query(graphene.ObjectType):
        nothing = graphene.String()

    schema = graphene.Schema(query=Query, subscription=Subscription)

    async def ticks(request: Any) -> Any:
        got = await schema.subscribe("subscription { ticks }", context_value=as_object("alice"))
        return JSONResponse([one.data["ticks"] async for one in got])

    async def scenario() -> Any:
        async with serving(Starlette(routes=[Route("/ticks", ticks)])) as url:
            browser = Browser(url)
            got = await browser.get("/ticks")
            browser.close()
            return json.loads(got)

    assert audited(scenario, NAMED).result == ["alice"]
    assert asyncio.iscoroutinefunction(graphene.Schema.execute_async)
