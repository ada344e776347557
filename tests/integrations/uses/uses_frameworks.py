"""Uses of web frameworks that bring a server of their own."""

from __future__ import annotations

import asyncio
import itertools
import logging
from contextlib import asynccontextmanager
from typing import Any

from servers import serving
from uses import as_user, async_outcome, current_user, use
from uses_web import USERS, called, get, talk

__all__: list[str] = []


@use("tornado")
def tornado() -> Any:
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets
    from tornado.web import Application, RequestHandler
    from tornado.websocket import WebSocketHandler

    for name in ("tornado.application", "tornado.access", "tornado.general", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    got: list[Any] = []

    class Page(RequestHandler):
        async def get(self, word: str) -> None:
            current_user.set(self.request.headers.get("x-user"))
            if word == "break":
                raise LookupError(word)
            if word == "cancelled":
                asyncio.current_task().cancel()  # type: ignore[union-attr]
            if word == "login":
                self.set_signed_cookie("user", self.request.headers["x-user"])
                got.append(
                    await async_outcome(asyncio.to_thread(self.set_signed_cookie, "user", "x", nonsense=object()))
                )
            got.append(self.get_signed_cookie("user", "2|forged" if word == "forged" else None))
            await asyncio.sleep(0)
            self.write(f"for {current_user.get()}")
            await self.flush()
            self.write("!")

    class Chat(WebSocketHandler):
        async def prepare(self) -> None:
            current_user.set(self.request.headers["x-user"])
            got.append(await async_outcome(self._send("early")))

        async def _send(self, text: str) -> None:
            await self.write_message(text)

        async def open(self) -> None:
            await self._send("welcome")

        def on_message(self, message: Any) -> Any:
            if message == "break":
                raise LookupError(message)
            if message == "bye":
                return self.close(1000, "bye")
            return self._send(f"{current_user.get()}: {message}")

        def log_exception(self, *_error: Any) -> None:
            raise RuntimeError("can't be logged")

    async def main() -> Any:
        (socket,) = bind_sockets(0, "127.0.0.1")
        settings = {"cookie_secret": "s" * 32, "log_function": lambda _handler: None}
        server = HTTPServer(Application([("/chat", Chat), ("/(.*)", Page)], **settings))
        server.add_sockets([socket])
        url = f"ws://127.0.0.1:{socket.getsockname()[1]}"
        try:
            words = ("", "login", "forged", "break")
            pages = [(await get(url, f"/{word}", user))[0] for word in words for user in USERS]
            cancelled = await async_outcome(asyncio.wait_for(get(url, "/cancelled", "alice"), 0.2))
            talks = [
                await talk(f"{url}/chat", user, *words) for user in USERS for words in (("hello", "bye"), ("break",))
            ]
        finally:
            server.stop()
            await server.close_all_connections()
        return [pages, cancelled, talks, [type(one).__name__ if one is None else str(one)[:20] for one in got]]

    return as_user(None, asyncio.run, main())


@use("sanic")
def sanic() -> Any:
    import socket

    from sanic import Sanic
    from sanic import response as answers

    for name in ("sanic.root", "sanic.error", "sanic.websockets", "sanic.server", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    got: list[Any] = []

    async def page(request: Any, word: str) -> Any:
        current_user.set(request.headers.get("x-user"))
        request.ctx.user = current_user.get()
        if word == "cancelled":
            raise asyncio.CancelledError
        if word == "stream":
            response = await request.respond(content_type="text/plain")
            await response.send("for ")
            await response.send(current_user.get())
            await response.eof()
            got.append(await async_outcome(response.send("late")))
            return response
        return answers.json({"for": current_user.get()})

    async def chat(request: Any, ws: Any) -> None:
        current_user.set(request.headers["x-user"])
        await ws.send("welcome")
        word = None if request.args.get("burst") else await ws.recv()
        while word is None:
            await asyncio.sleep(0.001)
            word = next(iter(await ws.recv_burst()), None)
        await ws.send(f"{current_user.get()}: {word}")
        got.append(await async_outcome(ws.send(object())))
        got.append(await async_outcome(ws.close(code="nonsense")))
        await ws.close()
        for call in (ws.send("late"), ws.recv(), ws.recv_burst()):
            got.append(await async_outcome(call))  # noqa: PERF401 - one after the other

    def application(*, anew: bool) -> Any:
        app = Sanic(f"use_{next(_applications)}", configure_logging=False)
        app.config.TOUCHUP = anew
        app.add_websocket_route(chat, "/chat")
        app.add_route(page, "/<word:path>")
        return app

    @asynccontextmanager
    async def serving_sanic(app: Any) -> Any:
        listener = socket.create_server(("127.0.0.1", 0))
        server = await app.create_server(sock=listener, return_asyncio_server=True, access_log=False)
        await server.startup()
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.close()
            await server.wait_closed()
            Sanic.unregister_app(app)

    async def main(anew: bool) -> Any:
        async with serving_sanic(application(anew=anew)) as url:
            pages = [(await get(url, f"/{word}", user))[0] for word in ("", "stream") for user in USERS]
            pages.append((await get(url, "/cancelled", "alice"))[0])
            return [
                pages,
                [await talk(f"{url}/chat{more}", user, "hello") for user in USERS for more in ("", "?burst=1")],
            ]

    async def on_uvicorn() -> Any:
        async with serving(app := application(anew=True), lifespan="on") as url:
            told = await talk(f"{url}/chat", "alice", "hello")
        Sanic.unregister_app(app)
        return told

    Sanic.test_mode = True
    got.append([as_user(None, asyncio.run, one) for one in (main(False), main(True), on_uvicorn())])
    return got


_applications = itertools.count()


@use("quart", "quart_auth")
def quart() -> Any:
    from quart import Quart, request, session, websocket
    from quart_auth import AuthUser, QuartAuth, login_user
    from quart_auth import current_user as logged_in

    logging.getLogger("use_of_quart").setLevel(logging.CRITICAL)
    got: list[Any] = []
    app = Quart("use_of_quart")
    app.secret_key = "s" * 32
    app.config["QUART_AUTH_COOKIE_SECURE"] = False
    extension = QuartAuth(app)

    @app.get("/<word>")
    async def page(word: str) -> Any:
        current_user.set(request.headers.get("x-user"))
        if word == "break":
            raise LookupError(word)
        if word == "login":
            session["user"] = current_user.get()
            login_user(AuthUser(current_user.get()))
            got.append(await async_outcome(_call(login_user, None)))
        if word == "who":
            got.append(logged_in.auth_id)
            extension.load_cookie = lambda: 1 / 0  # type: ignore[method-assign]
            got.append(await async_outcome(_call(extension.resolve_user)))
            del extension.load_cookie  # type: ignore[method-assign]
        return f"for {current_user.get()}"

    @app.websocket("/chat")
    async def chat() -> None:
        current_user.set(websocket.headers["x-user"])
        await websocket.accept()
        await websocket.send("welcome")
        word = await websocket.receive()
        if word == "break":
            raise LookupError(word)
        await websocket.send(f"{current_user.get()}: {word}")
        await websocket.close(1000)
        own = websocket._get_current_object()
        own._receive = own._send  # it asks for a message
        got.append(await async_outcome(own.receive()))

    async def main() -> Any:
        async with serving(app) as url:
            words = ("", "login", "who", "break")
            pages = [(await get(url, f"/{word}", user))[0] for word in words for user in USERS]
            talks = [await talk(f"{url}/chat", user, word) for user in USERS for word in ("hello", "break")]
        pages += [await called(app, "/", user) for user in USERS]
        cancelled = {"type": "websocket", "path": "/chat"}
        got.append(await async_outcome(app(cancelled, None, None)))  # type: ignore[arg-type]
        return [pages, talks, got]

    return as_user(None, asyncio.run, main())


async def _call(function: Any, *arguments: Any) -> Any:
    return function(*arguments)


@use("litestar")
def litestar() -> Any:
    from litestar import Litestar, Request, WebSocket
    from litestar import get as getting
    from litestar import websocket as websocket_route
    from litestar.exceptions import WebSocketDisconnect

    got: list[Any] = []

    @getting("/{word:str}")
    async def page(request: Request[Any, Any, Any]) -> str:
        current_user.set(request.headers.get("x-user"))
        if request.path_params["word"] == "break":
            raise LookupError("broken")
        return f"for {current_user.get()}"

    @getting("/threaded/{word:str}", sync_to_thread=True)
    def threaded(request: Request[Any, Any, Any]) -> str:
        current_user.set(request.headers.get("x-user"))
        if request.path_params["word"] == "break":
            raise LookupError("broken")
        return f"for {current_user.get()}"

    @websocket_route("/chat")
    async def chat(socket: WebSocket[Any, Any, Any]) -> None:
        current_user.set(socket.headers["x-user"])
        await socket.accept()
        await socket.send_text("welcome")
        await socket.send_json({"for": current_user.get(), "word": await socket.receive_text()})
        try:
            await socket.receive_text()
        except WebSocketDisconnect:
            got.append("gone")
            await socket.close()
            got.append(await async_outcome(socket.send_text("late")))
            raise

    logging.getLogger("litestar").setLevel(logging.CRITICAL)
    names = {"Request": Request, "WebSocket": WebSocket, "Any": Any}
    app = Litestar([page, threaded, chat], signature_namespace=names, logging_config=None, openapi_config=None)

    async def main() -> Any:
        async with serving(app) as url:
            words = ("hello", "break", "threaded/hello", "threaded/break", "no/where")
            pages = [(await get(url, f"/{word}", user))[0] for word in words for user in USERS]
            talks = [await talk(f"{url}/chat", user, "hello") for user in USERS]
        pages += [await called(app, "/hello", user) for user in USERS]
        wrong = {"type": "http", "path": "/", "method": "GET"}
        got.append(await async_outcome(app(wrong, None, None)))  # type: ignore[arg-type]
        return [pages, talks, got]

    return as_user(None, asyncio.run, main())


@use("mcp")
def mcp() -> Any:
    import json

    import httpx
    from mcp.server import MCPServer
    from mcp.server.runner import ServerRunner

    for name in ("mcp", "httpx"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    server = MCPServer("use", log_level="CRITICAL")

    @server.tool()
    async def who(word: str) -> str:
        if word == "break":
            raise LookupError(word)
        return word

    async def send(client: Any, url: str, user: str, method: str, **params: Any) -> Any:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {"x-user": user, "accept": "application/json, text/event-stream"}
        return (await client.post(url, json=message, headers=headers)).text

    async def main() -> Any:
        app = server.streamable_http_app(stateless_http=True, json_response=True)
        async with serving(app, lifespan="on") as url, httpx.AsyncClient(timeout=60) as client:
            address = url.replace("ws", "http", 1) + "/mcp"
            asked = [("who", "hello"), ("who", "break"), ("nobody", "x")]
            got = [
                json.loads(await send(client, address, user, "tools/call", name=name, arguments={"word": word}))
                for user in USERS
                for name, word in asked
            ]
            got.append(json.loads(await send(client, address, "alice", "no/method")))
        scope = {"type": "http", "headers": [(b"x-user", b"alice")]}
        carrier = type("", (), {"message_metadata": type("", (), {"request_context": type("", (), {"scope": scope})})})
        got.append(await async_outcome(ServerRunner._on_request(None, carrier, "x", {})))  # type: ignore[arg-type]
        return got

    return as_user(None, asyncio.run, main())
