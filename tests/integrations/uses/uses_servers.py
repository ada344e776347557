"""Uses of WSGI servers with workers of their own, and of aiohttp's companions and FastAPI Users."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from uses import as_user, async_outcome, outcome, use
from uses_web import USERS, called
from uses_wsgi import KEY, answering, fetch

__all__: list[str] = []


@use("gunicorn")
def gunicorn() -> Any:
    import logging
    import os

    from gunicorn.app.base import BaseApplication
    from gunicorn.workers.base_async import AsyncWorker
    from gunicorn.workers.gthread import TConn, ThreadWorker
    from gunicorn.workers.sync import SyncWorker

    class Site(BaseApplication):
        def load_config(self) -> None:
            self.cfg.set("errorlog", os.devnull)

        def load(self) -> Any:
            return answering

    class Greenlike(AsyncWorker):
        """Handles one request after the other, as greenlets do at once."""

        def timeout_ctx(self) -> Any:
            return nullcontext()

    site = Site()
    log = site.cfg.logger_class(site.cfg)
    logging.getLogger("gunicorn.error").setLevel(logging.CRITICAL)

    def handled(kind: Any, worker: Any, path: str, user: str) -> str:
        """Head line and body of the answer to one request, as a worker gives it."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            theirs, address = listener.accept()
            lasting = "" if kind is Greenlike else "connection: close\r\n"
            client.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nx-user: {user}\r\n{lasting}\r\n".encode())
            client.shutdown(socket.SHUT_WR)
            if kind is ThreadWorker:
                worker.handle(TConn(site.cfg, theirs, address, listener.getsockname()))
            else:
                worker.handle(listener, theirs, address)
            theirs.close()
            with client, client.makefile("rb") as answer:
                told = answer.read().decode()
        return told.partition("\r\n")[0] + told.partition("\r\n\r\n")[2]

    got = []
    for kind in (SyncWorker, ThreadWorker, Greenlike):
        worker = kind(1, os.getppid(), [], site, 30, site.cfg, log)
        worker.load_wsgi()
        got += [as_user(None, handled, kind, worker, path, user) for path in ("/", "/broken") for user in USERS]
        worker.tmp.close()
    return got


@use("waitress")
def waitress() -> Any:
    import logging

    from waitress import wasyncore
    from waitress.server import create_server

    logging.getLogger("waitress").setLevel(logging.CRITICAL)
    server = create_server(answering, host="127.0.0.1", port=0, threads=1)
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            wasyncore.loop(timeout=0.01, count=1, map=server._map)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        return [fetch(server.effective_port, "/", "/broken", x_user=user) for user in USERS]
    finally:
        over.set()
        thread.join()
        server.task_dispatcher.shutdown()
        wasyncore.close_all(server._map)


async def browsing(app: Any, *paths: str) -> Any:
    """What two browsers with cookies of their own get from an aiohttp application."""
    from aiohttp import ClientSession, CookieJar, web

    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    got = []
    for user in USERS:
        async with ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"x-user": user}) as browser:
            for path in paths:
                async with browser.get(f"{address}{path.replace('USER', user)}") as response:
                    got.append([response.status, await response.text()])
    await runner.cleanup()
    return got


@use("aiohttp_session")
def aiohttp_session() -> Any:
    from aiohttp import web
    from aiohttp_session import SimpleCookieStorage, get_session, new_session, setup

    async def login(request: Any) -> Any:
        session = await new_session(request)
        session["username"] = request.match_info["user"]
        return web.json_response("welcome")

    async def me(request: Any) -> Any:
        return web.json_response((await get_session(request)).get("username"))

    async def main() -> Any:
        app = web.Application()
        setup(app, SimpleCookieStorage())
        app.add_routes([web.get("/login/{user}", login), web.get("/me", me)])
        return await browsing(app, "/me", "/login/USER", "/me")

    return as_user(None, asyncio.run, main())


@use("aiohttp_security")
def aiohttp_security() -> Any:
    from aiohttp import web
    from aiohttp_security import AbstractAuthorizationPolicy, authorized_userid, remember, setup
    from aiohttp_security.cookies_identity import CookiesIdentityPolicy

    class Everybody(AbstractAuthorizationPolicy):
        async def permits(self, identity: Any, permission: Any, context: Any = None) -> bool:
            return True

        async def authorized_userid(self, identity: Any) -> Any:
            return identity

    async def login(request: Any) -> Any:
        response = web.json_response("welcome")
        await remember(request, response, request.match_info["user"])
        return response

    async def me(request: Any) -> Any:
        return web.json_response(await authorized_userid(request))

    async def main() -> Any:
        app = web.Application()
        setup(app, CookiesIdentityPolicy(), Everybody())
        app.add_routes([web.get("/login/{user}", login), web.get("/me", me)])
        return await browsing(app, "/me", "/login/USER", "/me")

    return as_user(None, asyncio.run, main())


@dataclass
class Person:
    """Somebody with an account."""

    id: int
    email: str
    hashed_password: str = ""
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = True


@use("fastapi_users")
def fastapi_users() -> Any:
    from fastapi import Depends, FastAPI
    from fastapi_users import BaseUserManager, FastAPIUsers, IntegerIDMixin
    from fastapi_users.authentication import AuthenticationBackend, CookieTransport, JWTStrategy
    from fastapi_users.db import BaseUserDatabase

    people = {number: Person(number, f"{name}@example.com") for number, name in enumerate(USERS, 1)}

    class Table(BaseUserDatabase):  # type: ignore[type-arg]
        async def get(self, id: Any) -> Any:
            return people.get(id)

    class Manager(IntegerIDMixin, BaseUserManager):  # type: ignore[type-arg]
        pass

    def strategy() -> Any:
        return JWTStrategy(KEY, 60)

    async def manager() -> Any:
        yield Manager(Table())

    users = FastAPIUsers(manager, [AuthenticationBackend("cookie", CookieTransport("who"), strategy)])
    visitor = Depends(users.current_user(optional=True))
    app = FastAPI()

    @app.get("/me")
    async def me(user: Any = visitor) -> Any:
        return None if user is None else user.email

    async def main() -> Any:
        cookies = [f"who={await strategy().write_token(person)}" for person in people.values()]
        return [await called(app, "/me", "", cookie=cookie) for cookie in (*cookies, "who=nobody", "")]

    return as_user(None, asyncio.run, main())


@use("daphne")
def of_daphne() -> Any:
    """Its reactor can't be started twice in a process: requests are what its protocols make of them."""
    from daphne.server import Server

    class Client:
        def __init__(self) -> None:
            self.got: list[Any] = []
            self.over = asyncio.Event()

        def handle_reply(self, message: Any) -> None:
            self.got.append(str(message.get("body", message["type"])))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self.over.set()

        def basic_error(self, status: int, *_words: Any) -> None:
            self.got.append(status)
            self.over.set()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if scope["path"] == "/break":
            raise LookupError("broken")
        name = "text" if scope["path"] == "/wrong" else b"name"
        head = [(name, b"value"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b'{"owner": ', "more_body": True})
        await send({"type": "http.response.body", "body": dict(scope["headers"])[b"x-user"] + b"}"})

    async def main() -> Any:
        server, got = Server(application, endpoints=["tcp:port=0"]), []
        server.connections = {}  # as running it does
        for path, user in (("/", "alice"), ("/", "bob"), ("/wrong", "bob"), ("/break", "alice"), ("/cut", "alice")):
            client = Client()
            server.protocol_connected(client)
            head = {"type": "http", "path": path, "headers": [(b"x-user", user.encode())], "query_string": b""}
            server.create_application(client, head).put_nowait({"type": "http.request"})
            task = server.connections[client]["application_instance"]
            if path == "/cut":
                task.cancel()
            got.append([str(await async_outcome(task)), client.got])
            got.append(outcome(server.create_application, client, dict(head)))
        return got

    return as_user(None, asyncio.run, main())


@use("granian")
def of_granian() -> Any:
    """What its workers make of an application, called as they call it: they are written in Rust."""
    from granian import asgi, wsgi

    async def application(scope: Any, receive: Any, send: Any) -> Any:
        await receive()
        if scope["path"] == "/break":
            raise LookupError("broken")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"for ", "more_body": True})
        await send({"type": "http.response.body", "body": dict(scope["headers"])[b"x-user"]})
        await send({"type": "http.response.body", "body": b"too much"})
        return scope["path"]

    def page(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/break":
            raise LookupError("broken")
        return [environ["HTTP_X_USER"].encode()]

    class Exchange:
        """What a worker gives to the application."""

        def __init__(self) -> None:
            self.got: list[Any] = []

        async def receive(self) -> Any:
            return {"type": "http.request", "body": b""}

        def send(self, message: Any) -> Any:
            self.got.append(str(message))
            if message.get("body") == b"too much":
                raise TypeError(message)
            return asyncio.sleep(0)

        def response_bytes(self, *response: Any) -> None:
            self.got.append(str(response))

    async def main() -> Any:
        asked, got = asgi._callback_wrapper(application, {}, {}), []
        for path, user in (("/", "alice"), ("/", "bob"), ("/break", "bob")):
            exchange = Exchange()
            scope = {"type": "http", "path": path, "headers": [(b"x-user", user.encode())], "query_string": b""}
            got.append([await async_outcome(asked(scope, exchange)), exchange.got])
        return got

    got = as_user(None, asyncio.run, main())
    served = wsgi._callback_wrapper(page, {})
    for path, user in (("/", "alice"), ("/", "bob"), ("/break", "bob")):
        exchange = Exchange()
        environ = {"PATH_INFO": path, "HTTP_X_USER": user, "REQUEST_METHOD": "GET"}
        got.append([as_user(None, outcome, served, exchange, environ), exchange.got])
    return got
