"""A schema of Strawberry's on uvicorn, with a loader for everybody or one a request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from clients import NAMED, Browser, known, told
from servers import serving, visits
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

strawberry = pytest.importorskip("strawberry")
DataLoader = pytest.importorskip("strawberry.dataloader").DataLoader


def application(*, leaking: bool) -> Any:
    """``/mine`` runs a query; with ``leaking`` the loader, and with it what it has loaded, is everybody's."""
    asking: list[str] = []

    async def load(keys: list[str]) -> list[Any]:
        return [json.dumps({"owner": asking[-1], "balance": 7}) for _ in keys]

    shared = DataLoader(load)

    async def account(info: strawberry.Info) -> str:
        return await info.context["loader"].load("mine")

    query = strawberry.type(type("Query", (), {"account": strawberry.field(resolver=account)}))
    schema = strawberry.Schema(query)

    async def mine(request: Any) -> Any:
        asking.append(request.headers["x-user"])
        context = {"loader": shared if leaking else DataLoader(load)}
        result = await schema.execute("{ account }", context_value=context)
        assert result.errors is None
        return JSONResponse(json.loads(result.data["account"]))

    async def who(request: Any) -> Any:
        return JSONResponse("somebody")

    return Starlette(routes=[Route("/mine", mine), Route("/who", who)])


@pytest.mark.parametrize("leaking", [True, False])
def test_what_a_loader_has_loaded_for_somebody_else(audited, leaking):
    done = audited(lambda: visits(application(leaking=leaking)), NAMED)
    assert ["alice" in one for one in done.result] == [True, leaking, True]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    for finding in done.findings.get("IA203", ()):
        assert finding.witnesses.provenance.endswith("an entry of a cache")


@pytest.mark.parametrize("leaking", [True, False])
def test_the_user_in_a_querys_context_is_the_requests(audited, leaking):
    """The application's own sessions say who it is, and nobody else is told."""
    sessions, notes, seen = {"opaque-1": "alice", "opaque-2": "bob"}, [], []

    def note(info: strawberry.Info) -> str:
        kept = notes if leaking else []
        kept.append(json.dumps({"owner": info.context["user"]["username"], "balance": 7}))
        seen.append(known())
        return kept[0]

    schema = strawberry.Schema(strawberry.type(type("Query", (), {"note": strawberry.field(resolver=note)})))

    async def graphql(request: Any) -> Any:
        context = {"user": {"username": sessions[request.query_params["session"]], "password": "secret"}}
        if request.query_params["session"] == "opaque-1":
            result = await schema.execute("{ note }", context_value=context)
        else:
            result = schema.execute_sync("{ note }", None, context)
        return JSONResponse(json.loads(result.data["note"]))

    async def scenario() -> Any:
        async with serving(Starlette(routes=[Route("/graphql", graphql)])) as url:
            browser = Browser(url)
            got = [json.loads(await browser.get(f"/graphql?session={one}"))["owner"] for one in sessions]
            browser.close()
            return got

    done = audited(scenario, NAMED)
    assert (seen, done.result) == (["alice", "bob"], ["alice", "alice" if leaking else "bob"])
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
