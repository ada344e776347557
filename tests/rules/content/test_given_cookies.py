"""Cookies of sessions that were given to one user, in answers to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

if TYPE_CHECKING:
    from collections.abc import Callable

APP = """
from secrets import token_urlsafe
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

SHARED, CACHE, TEAM = JSONResponse({}), {}, token_urlsafe(24)

async def shared(request):
    SHARED.set_cookie(request.query_params["name"], f"{token_urlsafe(12)}4x", httponly=True)
    return SHARED

async def own(request):
    answer = JSONResponse({})
    answer.set_cookie(request.query_params["name"], token_urlsafe(24), httponly=True)
    return answer

async def cached(request):
    CACHE.setdefault("answer", await own(request))
    return CACHE["answer"]

async def team(request):
    answer = JSONResponse({})
    answer.set_cookie("team", TEAM, httponly=True)
    return answer

async def readable(request):
    answer = JSONResponse({})
    answer.set_cookie("session_theme", TEAM)
    return answer

async def signed(request):
    answer = JSONResponse({})
    answer.set_cookie("session", "eyJzZWVuIjp0cnVlfQ.aZk1Qw.q8fH2nVx1TjB0sLr7cYd", httponly=True)
    return answer

async def again(request):
    answer = JSONResponse({})
    answer.set_cookie("session", request.headers["x-former"], httponly=True)
    return answer

app = Starlette(routes=[Route(f"/{one.__name__}", one) for one in (shared, own, cached, team, readable, signed, again)])
"""
ALICE, BOB = "alice.liddell", "bob.builder"
FOUND = [("IA203", "warning", BOB, ALICE)]


def told(app: Any, *asked: tuple[str, str], former: str = "") -> list[tuple[str, str, str | None, str | None]]:
    from starlette.testclient import TestClient

    with Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:
        for user, path in asked:
            assert TestClient(app).get(path, headers={"x-user": user, "x-former": former}).status_code == 200
        found = [entry.finding for entry in auditor.recorder.entries()]
    assert auditor.runtime.barrier.counts == {}
    return [
        (one.rule, one.severity.value, one.witnesses.ambient, one.witnesses.content)
        for one in found
        if one.rule != "IA904"
    ]


@pytest.mark.parametrize(
    ("path", "names", "expected"),
    [
        ("shared", ("room-1", "room-2"), FOUND),
        ("own", ("room-1", "room-1"), []),
        ("cached", ("session_id", "session_id"), FOUND),
        ("cached", ("room", "room"), []),
        ("own", ("session_id", "session_id"), []),
        ("shared", ("csrftoken", "csrftoken2"), []),
        ("team", ("", ""), []),
        ("readable", ("", ""), []),
        ("signed", ("", ""), []),
    ],
)
def test_the_cookie_of_another_users_session(
    load_app: Callable[[str], Any], path: str, names: tuple[str, str], expected: list[Any]
) -> None:
    asked = [(user, f"/{path}?name={name}") for user, name in zip((ALICE, BOB), names, strict=True)]
    assert told(load_app(APP).app, *asked) == expected


def test_a_session_that_the_browser_has_brought_along(load_app: Callable[[str], Any]) -> None:
    asked = (ALICE, "/again"), (BOB, "/again")
    assert told(load_app(APP).app, *asked, former="q8fH2nVx1TjB0sLr7cYd4mWz") == []
