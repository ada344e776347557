"""Clients of OAuth that logins share, and those that they do not."""

from __future__ import annotations

import asyncio
import json

import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import WebApplicationClient
from requests_oauthlib import OAuth2Session
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model


class Oauthlib:
    def make(self):
        return WebApplicationClient("shop")

    def store(self, client, token):
        client.parse_request_body_response(json.dumps({"access_token": token, "token_type": "bearer"}))

    def use(self, client):
        return client.add_token("https://api.example/me")[1]["Authorization"]


class Requests(Oauthlib):
    def make(self):
        return OAuth2Session("shop")

    def store(self, client, token):
        client.token = {"access_token": token, "token_type": "bearer"}

    def use(self, client):
        return f"Bearer {client.token['access_token']}"


class Authlib(Requests):
    def make(self):
        return AuthlibSession("shop")

    def use(self, client):
        return client.token_auth.prepare("https://api.example/me", {}, "")[1]["Authorization"]


class Site:
    """Logs in with a code; the first login waits between its token and its use until the second has its own."""

    def __init__(self, library, *, shared=True, returned=False):
        self.library, self.client, self.shared, self.returned = library, library.make(), shared, returned
        self.first, self.second = asyncio.Event(), asyncio.Event()
        self.app = Starlette(routes=[Route("/{name}", self.callback)])

    async def callback(self, request):
        client = self.client if self.shared else self.library.make()
        user = request.query_params.get("code", request.query_params.get("for"))
        if request.path_params["name"] == "second":
            await asyncio.wait_for(self.first.wait(), 20)
        self.library.store(client, f"token of {user}".replace(" ", "-"))
        if request.path_params["name"] == "first":
            self.first.set()
            await asyncio.wait_for(self.second.wait(), 20)
        self.second.set()
        return JSONResponse({"used": "" if self.returned else self.library.use(client)})


async def ask(app, name, query):
    got = []
    scope = {"type": "http", "method": "GET", "path": f"/{name}", "query_string": query.encode(), "headers": []}

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        got.append(message.get("body", b""))

    await app(scope, receive, send)
    return json.loads(b"".join(got))["used"]


def visited(make, first, second):
    """What the audit says, and what the first login has used."""
    with Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:

        async def both():
            site = make()
            return await asyncio.gather(ask(site.app, "first", first), ask(site.app, "second", second))

        used = asyncio.run(both())
    assert auditor.runtime.barrier.counts == {}
    found = [entry.finding for entry in auditor.recorder.entries() if not entry.finding.rule.startswith("IA9")]
    return found, used[0]


@pytest.mark.parametrize("library", [Oauthlib(), Requests(), Authlib()], ids=["oauthlib", "requests", "authlib"])
def test_a_login_that_goes_on_with_anothers_token(library):
    found, used = visited(lambda: Site(library), "code=c-alice", "code=c-bob")
    assert used == "Bearer token-of-c-bob"
    assert [(one.rule, one.severity.value) for one in found] == [("IA402", "error")]
    assert found[0].site is not None
    assert found[0].site.top.file == found[0].origin.top.file == __file__


@pytest.mark.parametrize("library", [Oauthlib(), Requests(), Authlib()], ids=["oauthlib", "requests", "authlib"])
def test_a_client_for_each_login(library):
    found, used = visited(lambda: Site(library, shared=False), "code=c-alice", "code=c-bob")
    assert used == "Bearer token-of-c-alice"
    assert found == []


def test_a_login_that_does_not_use_what_the_client_keeps():
    found, _used = visited(lambda: Site(Oauthlib(), returned=True), "code=c-alice", "code=c-bob")
    assert found == []


def test_the_applications_own_token_is_everybodys():
    found, used = visited(lambda: Site(Oauthlib()), "for=alice", "for=bob")
    assert used == "Bearer token-of-bob"
    assert found == []
