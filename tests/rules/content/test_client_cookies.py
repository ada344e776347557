"""Cookies of one user's session with another service, in another user's request; and cookies that may be shared."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from auditing import Audit, current_user

ALICE, BOB = "user-alice", "user-bob"


@contextmanager
def service(cookie: str = "sid"):
    """Gives a cookie to whoever has none, made of the request's credentials: gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if "cookie" not in self.headers:
                self.send_header("set-cookie", f"{cookie}=of-{self.headers.get('x-api-key', 'the-application')}")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def with_aiohttp(url: str, asks: list[tuple[str, dict[str, str]]]) -> None:
    aiohttp = pytest.importorskip("aiohttp")

    async def ask(client: Any, user: str, headers: dict[str, str]) -> None:
        current_user.set(user)
        async with client.get(url, headers=headers) as response:
            assert response.status == 200

    async def main() -> None:
        async with aiohttp.ClientSession() as client:
            for user, headers in asks:
                await asyncio.create_task(ask(client, user, headers))

    asyncio.run(main())


def with_httpx(url: str, asks: list[tuple[str, dict[str, str]]]) -> None:
    httpx = pytest.importorskip("httpx")
    with httpx.Client() as client:
        for user, headers in asks:
            assert Audit.as_user(user, client.get, url, headers=headers).status_code == 200


def with_httpx_async(url: str, asks: list[tuple[str, dict[str, str]]]) -> None:
    httpx = pytest.importorskip("httpx")

    async def ask(client: Any, user: str, headers: dict[str, str]) -> None:
        current_user.set(user)
        assert (await client.get(url, headers=headers)).status_code == 200

    async def main() -> None:
        async with httpx.AsyncClient() as client:
            for user, headers in asks:
                await asyncio.create_task(ask(client, user, headers))

    asyncio.run(main())


def with_requests(url: str, asks: list[tuple[str, dict[str, str]]]) -> None:
    requests = pytest.importorskip("requests")
    with requests.Session() as client:
        for user, headers in asks:
            assert Audit.as_user(user, client.get, url, headers=headers).status_code == 200


CLIENTS = pytest.mark.parametrize("client", [with_aiohttp, with_httpx, with_httpx_async, with_requests])


@CLIENTS
def test_a_session_of_alices_goes_along_with_bobs_credentials(audit, client) -> None:
    with service() as url:
        client(url, [(ALICE, {"x-api-key": ALICE}), (BOB, {"x-api-key": BOB})])
    (finding,) = audit.found("IA203")
    assert (finding.witnesses.ambient, finding.witnesses.content) == (BOB, ALICE)
    assert finding.message.startswith("a cookie in a request for user-bob carries data of user-alice")
    assert __file__ in [frame.file for frame in finding.site.stack]


CLEAN = {
    "the application's own session": ("sid", [(ALICE, {}), (BOB, {})]),
    "given for nobody's sake": ("sid", [(ALICE, {}), (BOB, {"x-api-key": BOB})]),
    "sent for nobody's sake": ("sid", [(ALICE, {"x-api-key": ALICE}), (BOB, {})]),
    "balances load": ("AWSALB", [(ALICE, {"x-api-key": ALICE}), (BOB, {"x-api-key": BOB})]),
    "her own": ("sid", [(ALICE, {"x-api-key": ALICE}), (ALICE, {"x-api-key": ALICE})]),
}


@CLIENTS
@pytest.mark.parametrize(("cookie", "asks"), CLEAN.values(), ids=CLEAN)
def test_cookies_that_may_be_shared(audit, client, cookie, asks) -> None:
    with service(cookie) as url:
        client(url, asks)
    assert audit.found("IA203") == []


@CLIENTS
def test_a_client_for_each_user(audit, client) -> None:
    with service() as url:
        for user in (ALICE, BOB, ALICE):
            client(url, [(user, {"x-api-key": user})] * 2)
    assert audit.found("IA203") == []


@CLIENTS
def test_what_everybody_is_given_tells_nothing(audit, client) -> None:
    with service() as url:
        for user in (ALICE, BOB):
            client(url, [(user, {"x-api-key": "shared", "x-user": user})])
        client(url, [(ALICE, {"x-api-key": "shared", "x-user": ALICE}), (BOB, {"x-api-key": "shared", "x-user": BOB})])
    assert audit.found("IA203") == []
