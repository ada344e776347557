"""A schema of Strawberry's on uvicorn, with a loader for everybody or one a request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from clients import NAMED, told
from servers import visits
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
