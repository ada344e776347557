"""Caches between an application and what it asks: an entry of one user's work is found by another's request."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from typing import Any

import pytest
from clients import NAMED, told
from servers import visits
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

httpx = pytest.importorskip("httpx")


def application(answering: Any) -> Any:
    """``/mine`` gives what ``answering`` finds for its request; ``/service`` has its users' balances."""

    async def service(request: Any) -> Any:
        headers = {"Cache-Control": "max-age=60"}
        return JSONResponse({"owner": request.headers["authorization"], "balance": 7}, headers=headers)

    async def who(request: Any) -> Any:
        return JSONResponse("somebody")

    async def mine(request: Any) -> Any:
        return JSONResponse(await answering(request))

    return Starlette(routes=[Route("/service", service, name="service"), Route("/mine", mine), Route("/who", who)])


@pytest.mark.parametrize("leaking", [True, False])
def test_hishel(audited, leaking, tmp_path):
    cached = pytest.importorskip("hishel.httpx", reason="hishel from 2.0 on")
    from hishel import AsyncSqliteStorage

    async def scenario() -> Any:
        storage = AsyncSqliteStorage(database_path=tmp_path / "kept.db")
        async with cached.AsyncCacheClient(storage=storage) as client:

            async def answering(request: Any) -> Any:
                url, user = str(request.url_for("service")), request.headers["x-user"]
                asked = {} if leaking else {"caching": {"key": f"{user} {url}"}}
                return (await client.get(url, headers={"Authorization": user}, extensions=asked)).json()

            return await visits(application(answering))

    done = audited(scenario, NAMED)
    assert ["alice" in one for one in done.result] == [True, leaking, True]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    for finding in done.findings.get("IA203", ()):
        assert finding.witnesses.provenance.endswith("an entry of a cache")


def dogpile_cache(key: str, _end: ExitStack) -> Any:
    region = pytest.importorskip("dogpile.cache").make_region().configure("dogpile.cache.memory")

    @region.cache_on_arguments(function_key_generator=lambda _namespace, _function: lambda *args: key.format(*args))
    def balance(user: str) -> Any:
        return {"owner": user, "balance": 7}

    return balance


def disk_cache(key: str, end: ExitStack) -> Any:
    cache = pytest.importorskip("diskcache").Cache(tempfile.mkdtemp())
    end.callback(cache.close)

    def balance(user: str) -> Any:
        found = cache.get(key.format(user))
        if found is None:
            found = {"owner": user, "balance": 7}
            cache.set(key.format(user), found)
        return found

    return balance


@pytest.mark.parametrize("kind", [dogpile_cache, disk_cache])
@pytest.mark.parametrize("leaking", [True, False])
def test_a_key_without_the_user(audited, kind, leaking):
    with ExitStack() as end:
        balance = kind("balance" if leaking else "balance of {}", end)

        async def answering(request: Any) -> Any:
            return balance(request.headers["x-user"])

        done = audited(lambda: visits(application(answering)), NAMED)
    assert ["alice" in one for one in done.result] == [True, leaking, True]
    assert told(done.findings) == ([("IA203", "bob", "alice"), ("IA404", "bob", "alice")] if leaking else [])
