"""Cookies and headers that frameworks are told and write by themselves: what they tell of others is seen everywhere."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from clients import NAMED, Browser, told
from servers import serving_aiohttp, serving_wsgi

LAST: dict[str, str] = {}


def kept(user: str, *, leaking: bool) -> str:
    """What the first user has left for everybody, or one's own name."""
    return LAST.setdefault("account", user) if leaking else user


@contextlib.asynccontextmanager
async def by_aiohttp(*, leaking: bool) -> Any:
    from aiohttp import web

    async def header(request: Any) -> Any:
        return web.json_response({}, headers={"X-Account": kept(request.headers["x-user"], leaking=leaking)})

    async def cookie(request: Any) -> Any:
        response = web.json_response({})
        response.set_cookie("account", kept(request.headers["x-user"], leaking=leaking))
        return response

    app = web.Application()
    app.add_routes([web.get("/header", header), web.get("/cookie", cookie)])
    async with serving_aiohttp(app) as url:
        yield url


@contextlib.asynccontextmanager
async def by_flask(*, leaking: bool) -> Any:
    import flask

    app = flask.Flask(__name__)

    @app.get("/header")
    def header() -> Any:
        return {}, 200, {"X-Account": kept(flask.request.headers["x-user"], leaking=leaking)}

    @app.get("/cookie")
    def cookie() -> Any:
        response = flask.make_response({})
        response.set_cookie("account", kept(flask.request.headers["x-user"], leaking=leaking))
        return response

    async with serving_wsgi(app) as url:
        yield url


@pytest.mark.parametrize("leaking", [True, False])
@pytest.mark.parametrize("path", ["/header", "/cookie"])
@pytest.mark.parametrize("framework", [by_aiohttp, by_flask])
def test_what_a_head_says_of_another_is_seen(audited, framework, path, leaking):
    LAST.clear()

    async def talk() -> None:
        async with framework(leaking=leaking) as url:
            for user in ("alice.liddell", "bob.builder"):
                page = Browser(url)
                await page.get(path, user)
                page.close()

    assert told(audited(talk, NAMED).findings) == ([("IA203", "bob.builder", "alice.liddell")] if leaking else [])
