"""Opaque tokens, keys and cookies that an application on uvicorn hands out itself: whose they are from then on."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import parse_qs

import pytest
from clients import NAMED
from servers import serving
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

httpx = pytest.importorskip("httpx")

WORDS = {"alice": "my card ends in 4242", "bob": "my train leaves at eight"}


class Site:
    """People log in, say something, and read it again; ``leaking`` has everybody read what was said first."""

    def __init__(self, *, leaking: bool) -> None:
        self.leaking = leaking
        self.users: dict[str, str] = {}
        self.said: dict[str, str] = {}
        routes = [
            Route(f"/{one.__name__}", one, methods=["POST"]) for one in (self.login, self.enter, self.key, self.say)
        ]
        self.app = Starlette(routes=[*routes, Route("/read", self.read)])

    def token_for(self, user: str) -> str:
        token = secrets.token_urlsafe(24)
        self.users[token] = user
        return token

    async def login(self, request: Any) -> JSONResponse:
        """The token is in the answer."""
        told = await request.json()
        if told["password"] != "open sesame":
            return JSONResponse({"error": "wrong"}, 401)
        return JSONResponse({"access_token": self.token_for(told["username"]), "token_type": "bearer"})

    async def enter(self, request: Any) -> JSONResponse:
        """The token is in a cookie, and in the answer."""
        form = parse_qs((await request.body()).decode())
        token = self.token_for(form["email"][0])
        response = JSONResponse({"session_id": token})
        response.set_cookie("sid", token)
        return response

    async def key(self, request: Any) -> JSONResponse:
        """A key is shown once."""
        return JSONResponse({"name": "ci", "key": self.token_for(self.who(request))})

    def who(self, request: Any) -> str:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.users[given or request.headers.get("x-api-key") or request.cookies["sid"]]

    async def say(self, request: Any) -> JSONResponse:
        self.said[self.who(request)] = (await request.json())["text"]
        return JSONResponse({})

    async def read(self, request: Any) -> JSONResponse:
        user = self.who(request)
        return JSONResponse({"text": next(iter(self.said.values())) if self.leaking else self.said[user]})


async def by_token(browser: Any, user: str) -> dict[str, str]:
    given = await browser.post("/login", json={"username": user, "password": "open sesame"})
    return {"authorization": f"Bearer {given.json()['access_token']}"}


async def by_cookie(browser: Any, user: str) -> dict[str, str]:
    given = await browser.post("/enter", data={"email": user, "password": "open sesame"})
    browser.cookies.clear()
    return {"cookie": f"sid={given.json()['session_id']}"}


async def by_key(browser: Any, user: str) -> dict[str, str]:
    given = await browser.post("/key", headers=await by_token(browser, user))
    return {"x-api-key": given.json()["key"]}


@pytest.mark.parametrize("way", [by_token, by_cookie, by_key])
@pytest.mark.parametrize("leaking", [True, False])
def test_whoever_has_logged_in_is_who_comes_with_the_token(audited, way: Any, leaking: bool) -> None:
    async def visits() -> list[str]:
        async with serving(Site(leaking=leaking).app) as url, httpx.AsyncClient(base_url=url) as browser:
            heads = {user: await way(browser, user) for user in WORDS}
            for user, words in WORDS.items():
                assert (await browser.post("/say", json={"text": words}, headers=heads[user])).status_code == 200
            return [(await browser.get("/read", headers=heads[user])).json()["text"] for user in WORDS]

    done = audited(visits, NAMED)
    assert done.result == [WORDS["alice"], WORDS["alice" if leaking else "bob"]]
    found = [(one.rule, *one.witnesses.pair()) for several in done.findings.values() for one in several]
    assert found == ([("IA203", "bob", "alice")] if leaking else [])
    tally = done.auditor.runtime.tally
    assert tally.requests_named == tally.requests


def test_a_login_that_fails_names_nobody(audited) -> None:
    async def visits() -> int:
        async with serving(Site(leaking=False).app) as url, httpx.AsyncClient(base_url=url) as browser:
            return (await browser.post("/login", json={"username": "alice", "password": "guessed"})).status_code

    done = audited(visits, NAMED)
    assert done.result == 401
    assert done.auditor.runtime.tally.requests_named == 0
