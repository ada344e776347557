"""Whose credentials go out in requests to other services, in requests that are served for alice and for bob."""

from __future__ import annotations

import asyncio
import json
import threading
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from visiting import key_of, visit

ALICE, BOB = "alice.liddell", "bob.builder"


@contextmanager
def bank():
    """Gives tokens for credentials, and a balance for anything: its address, and what it was sent."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self, value: Any, cookie: str = "") -> None:
            body = json.dumps(value).encode()
            self.send_response(200)
            if cookie:
                self.send_header("set-cookie", cookie)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/session":
                seen.append("session")
                self.answer({}, f"sid=s-{len(seen)}-77aa41c09e; Path=/; HttpOnly")
                return
            seen.append("token")
            self.answer({"access_token": f"opaque-{len(seen)}-f0c9aa17", "token_type": "bearer"})

        def do_GET(self) -> None:
            seen.append(self.headers.get("authorization", self.path))
            self.answer({"balance": 7})

        def log_message(self, *_words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def with_httpx(method: str, url: str, headers: dict[str, str], body: bytes | None, library: str = "httpx") -> Any:
    httpx = pytest.importorskip(library)
    with httpx.Client() as client:
        return client.request(method, url, headers=headers, content=body).json()


def with_requests(method: str, url: str, headers: dict[str, str], body: bytes | None) -> Any:
    requests = pytest.importorskip("requests")
    return requests.request(method, url, headers=headers, data=body).json()


def with_urllib(method: str, url: str, headers: dict[str, str], body: bytes | None) -> Any:
    with urlopen(UrlRequest(url, body, headers, method=method), timeout=60) as answer:
        return json.load(answer)


def with_urllib3(method: str, url: str, headers: dict[str, str], body: bytes | None) -> Any:
    urllib3 = pytest.importorskip("urllib3")
    with urllib3.PoolManager() as pool:
        return pool.request(method, url, headers=headers, body=body).json()


async def with_aiohttp(method: str, url: str, headers: dict[str, str], body: bytes | None) -> Any:
    aiohttp = pytest.importorskip("aiohttp")
    async with aiohttp.ClientSession() as client, client.request(method, url, headers=headers, data=body) as answer:
        return json.loads(await answer.read())


async def with_httpx_async(
    method: str, url: str, headers: dict[str, str], body: bytes | None, library: str = "httpx"
) -> Any:
    httpx = pytest.importorskip(library)
    async with httpx.AsyncClient() as client:
        return (await client.request(method, url, headers=headers, content=body)).json()


def with_httpx2(method: str, url: str, headers: dict[str, str], body: bytes | None) -> Any:
    return with_httpx(method, url, headers, body, "httpx2")


async def with_httpx2_async(method: str, url: str, headers: dict[str, str], body: bytes | None) -> Any:
    return await with_httpx_async(method, url, headers, body, "httpx2")


def in_a_pool(method: str, url: str, headers: dict[str, str], body: bytes | None) -> Any:
    """By a thread that has no context of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(with_urllib, method, url, headers, body).result()


def basic(user: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:a long word".encode()).decode()}


class Shop:
    """An application that asks a bank; ``token_key`` says under what it keeps the token of a user."""

    def __init__(self, url: str, request: Any, *, client: str | None = None, own_tokens: bool = False) -> None:
        self.url, self.request, self.client, self.own_tokens = url, request, client, own_tokens
        self.tokens: dict[str, str] = {}
        self.app = Starlette(routes=[Route("/balance", self.balance), Route("/passed", self.passed)])
        self.first: str | None = None

    async def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Any:
        got = self.request(method, f"{self.url}{path}", headers, body)
        return await got if asyncio.iscoroutine(got) else got

    async def balance(self, request: Any) -> JSONResponse:
        """With a token that is fetched once."""
        user = request.headers["x-user"]
        key = user if self.own_tokens else "one for all"
        if key not in self.tokens:
            given = await self.ask("POST", "/token", basic(self.client or user), b"grant_type=client_credentials")
            self.tokens[key] = given["access_token"]
        return JSONResponse(await self.ask("GET", "/balance", {"Authorization": f"Bearer {self.tokens[key]}"}))

    async def passed(self, request: Any) -> JSONResponse:
        """With what the first request came with."""
        self.first = self.first or request.headers["authorization"]
        given = request.headers["authorization"] if self.own_tokens else self.first
        return JSONResponse(await self.ask("GET", "/balance", {"Authorization": given}))


OF_HTTPX = (with_httpx, with_httpx_async, with_httpx2, with_httpx2_async)
OTHERS = (with_requests, with_urllib, with_urllib3, with_aiohttp, in_a_pool)
CLIENTS = pytest.mark.parametrize("request_with", [*OF_HTTPX, *OTHERS])


@CLIENTS
def test_a_token_that_was_given_for_alice_goes_out_when_bob_asks(request_with) -> None:
    with bank() as (url, seen):
        found = visit(Shop(url, request_with).app, "/balance", ALICE, BOB, BOB)
    assert seen.count("token") == 1
    assert [one[:4] for one in found] == [("IA203", "error", BOB, ALICE)]
    assert found[0][4].startswith("a credential in a request to another service for bob.builder")


@CLIENTS
@pytest.mark.parametrize(
    "shop", [{"own_tokens": True}, {"client": "the-shop"}], ids=["a token for each", "the application's own"]
)
def test_tokens_that_may_go_out(request_with, shop) -> None:
    with bank() as (url, seen):
        assert visit(Shop(url, request_with, **shop).app, "/balance", ALICE, BOB, ALICE, BOB) == []
    assert seen


@CLIENTS
@pytest.mark.parametrize("own", [False, True], ids=["the first one's", "their own"])
def test_a_key_that_is_passed_on(request_with, own) -> None:
    with bank() as (url, seen):
        found = visit(Shop(url, request_with, own_tokens=own).app, "/passed", ALICE, BOB, authorization="Bearer {key}")
    assert seen == [f"Bearer {key_of(ALICE)}", f"Bearer {key_of(BOB if own else ALICE)}"]
    assert [one[:4] for one in found] == ([] if own else [("IA203", "error", BOB, ALICE)])


class WithCookies:
    """An application whose client keeps the session that it was given: one for all, or one for each user."""

    def __init__(self, url: str, client: Any, *, own: bool, key: str = "") -> None:
        self.url, self.client, self.own, self.key = url, client, own, key
        self.clients: dict[str, Any] = {}
        self.app = Starlette(routes=[Route("/balance", self.balance)])

    def place(self, user: str) -> str:
        return user if self.own else "one for all"

    def balance(self, request: Any) -> JSONResponse:
        user = request.headers["x-user"]
        key = self.place(user)
        if key not in self.clients:
            self.clients[key] = self.client()
            login = {"key": self.key.format(user=user)} if self.key else {"user": user, "password": "a long word"}
            self.clients[key].post(f"{self.url}/session", json=login)
        return JSONResponse(self.clients[key].get(f"{self.url}/balance").json())


@pytest.mark.parametrize("library", ["httpx:Client", "httpx2:Client", "requests:Session"])
@pytest.mark.parametrize("own", [False, True], ids=["one for all", "one for each"])
def test_the_session_that_another_service_has_given_for_alice(library: str, own: bool) -> None:
    module, _, name = library.partition(":")
    client = getattr(pytest.importorskip(module), name)
    with bank() as (url, seen):
        shop = WithCookies(url, client, own=own)
        found = visit(shop.app, "/balance", ALICE, BOB, BOB)
        for one in shop.clients.values():
            one.close()
    assert seen.count("session") == (2 if own else 1)
    assert [one[:4] for one in found] == ([] if own else [("IA203", "error", BOB, ALICE)])


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("key-{user}", [("IA203", "error", BOB, ALICE)]),
        ("{user}_secret", [("IA203", "error", BOB, ALICE)]),
        (f"{ALICE}-of-the-shop", []),  # what the application was started with
        ("the-shop", []),
    ],
)
def test_a_session_that_was_given_for_a_key_with_the_id_in_it(monkeypatch, key: str, found: list) -> None:
    httpx = pytest.importorskip("httpx")
    monkeypatch.setenv("SHOP_KEY", f"{ALICE}-of-the-shop")
    with bank() as (url, _seen):
        shop = WithCookies(url, httpx.Client, own=False, key=key)
        assert [one[:4] for one in visit(shop.app, "/balance", ALICE, BOB, BOB)] == found
        shop.clients["one for all"].close()


class Confused(WithCookies):
    """One session for each user, but bob works with alice's."""

    def place(self, user: str) -> str:
        return ALICE if user == BOB else user


NAMESAKE = ALICE.partition(".")[0]


@pytest.mark.parametrize(
    ("key", "found"), [("{user}_secret", [("IA203", "error", BOB, ALICE)]), (f"{NAMESAKE} and {{user}}_secret", [])]
)
def test_a_key_of_a_user_whose_id_begins_with_another_users(key: str, found: list) -> None:
    httpx = pytest.importorskip("httpx")
    with bank() as (url, _seen):
        shop = Confused(url, httpx.Client, own=True, key=key)
        assert [one[:4] for one in visit(shop.app, "/balance", NAMESAKE, ALICE, BOB, BOB)] == found
        for one in shop.clients.values():
            one.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("shared", [True, False])
def test_the_login_of_a_shared_session_of_aiohttp(shared) -> None:
    aiohttp = pytest.importorskip("aiohttp")
    sessions: dict[str, Any] = {}

    async def balance(request: Any) -> JSONResponse:
        user = request.headers["x-user"]
        key = "one for all" if shared else user
        # A loop for each request: what is kept is the login that the session was made with.
        auth = sessions.setdefault(key, aiohttp.BasicAuth(user, "a long word"))
        async with aiohttp.ClientSession(auth=auth) as client, client.get(f"{url}/balance") as answer:
            return JSONResponse(json.loads(await answer.read()))

    with bank() as (url, seen):
        found = visit(Starlette(routes=[Route("/balance", balance)]), "/balance", ALICE, BOB)
    assert len(seen) == 2
    assert [one[:4] for one in found] == ([("IA203", "error", BOB, ALICE)] if shared else [])
