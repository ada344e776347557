"""requests-cache between an application and a service: an answer for one user is found by another's request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from clients import NAMED, told
from servers import visits
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

requests_cache = pytest.importorskip("requests_cache")


def application(*, leaking: bool) -> Any:
    """``/mine`` asks ``/service`` on its user's behalf; with ``leaking`` the cache does not tell the users apart."""
    session = requests_cache.CachedSession(backend="memory", match_headers=not leaking, ignored_parameters=[])

    async def service(request: Any) -> Any:
        return JSONResponse({"owner": request.headers["authorization"], "balance": 7})

    async def who(request: Any) -> Any:
        return JSONResponse("somebody")

    async def mine(request: Any) -> Any:
        url, headers = str(request.url_for("service")), {"Authorization": request.headers["x-user"]}
        answer = await asyncio.to_thread(session.get, url, headers=headers)
        return JSONResponse(answer.json())

    return Starlette(routes=[Route("/service", service, name="service"), Route("/mine", mine), Route("/who", who)])


@pytest.mark.parametrize("leaking", [True, False])
def test_an_answer_that_is_found_under_a_key_without_the_user(audited, leaking):
    done = audited(lambda: visits(application(leaking=leaking)), NAMED)
    assert ["alice" in one for one in done.result] == [True, leaking, True]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    for finding in done.findings.get("IA203", ()):
        assert finding.witnesses.provenance.endswith("an entry of a cache")
