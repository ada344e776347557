"""Uses of ASGI frameworks and servers, and of WebSocket libraries."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import warnings
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from servers import serving
from uses import as_user, async_outcome, current_user, use

__all__: list[str] = []

USERS = ("alice", "bob")


async def get(address: str, path: str = "/", user: str = "") -> Any:
    """First line and body of an answer."""
    host, _, port = address.rpartition("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    name = f"x-user: {user}\r\n" if user else ""
    writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n{name}connection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return [head.partition("\r\n")[0], body]


async def talk(url: str, user: str, *words: str) -> Any:
    """What a client of a WebSocket gets, and the code of its end."""
    import websockets

    got: list[Any] = []
    try:
        async with websockets.connect(url, additional_headers={"x-user": user}) as client:
            got.append(await client.recv())
            for word in words:
                await client.send(word)
                got.append(await client.recv())
    except websockets.ConnectionClosed as error:
        got.append(None if error.rcvd is None else error.rcvd.code)
    except websockets.InvalidHandshake as error:
        got.append(type(error).__name__)
    return got


async def answering(scope: Any, receive: Any, send: Any) -> Any:
    """A bare ASGI application: pages, echoes, and messages out of order."""
    assert scope["type"] in ("http", "websocket")
    user = dict(scope["headers"]).get(b"x-user", b"").decode()
    current_user.set(user or None)
    if scope["type"] == "http":
        if scope["path"] == "/cancelled":
            raise asyncio.CancelledError
        wrong = await async_outcome(send({"type": "http.response.body", "body": b"too early"}))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": wrong.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": f" for {user}".encode()})
        return
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": await async_outcome(send({"type": "nonsense"}))})
    while (message := await receive())["type"] == "websocket.receive":
        if message["text"] == "break":
            raise LookupError("broken")
        await send({"type": "websocket.send", "text": f"{user}: {message['text']}"})


async def visits(url: str) -> Any:
    """Pages and conversations of two users."""
    pages = [await get(url, path, user) for path in ("/", "/users/alice") for user in USERS]
    talks = [await talk(f"{url}{path}", user, "hello", word) for path in ("", "/refused") for user, word in WORDS]
    return [pages, talks]


WORDS = (("alice", "good bye"), ("bob", "break"))


@use("uvicorn")
def uvicorn() -> Any:
    from uvicorn.config import HTTP_PROTOCOLS, WS_PROTOCOLS

    async def main(ws: str, http: str) -> Any:
        async with serving(answering, ws, http) as url:
            return await visits(url)

    known = [kind for kind in ("websockets", "websockets-sansio", "wsproto") if kind in WS_PROTOCOLS]
    ways = [(ws, "h11") for ws in known if ws != "wsproto" or find_spec(ws)]
    ways += [(known[0], http) for http in ("httptools", "zttp") if http in HTTP_PROTOCOLS and find_spec(http)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [as_user(None, asyncio.run, main(*way)) for way in ways]


@use("hypercorn")
def hypercorn() -> Any:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    async def main() -> Any:
        # Where a request is called off, its task is cancelled.
        listener = socket.create_server(("127.0.0.1", 0))
        settings, over = Config(), asyncio.Event()
        settings.bind = [f"fd://{listener.fileno()}"]
        settings.accesslog = settings.errorlog = None
        server = asyncio.create_task(serve(answering, settings, shutdown_trigger=over.wait, mode="asgi"))  # type: ignore[arg-type]
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
        try:
            return [await visits(url), await get(url, "/cancelled")]
        finally:
            over.set()
            await server
            listener.detach()

    return [as_user(None, asyncio.run, main()), as_user(None, hypercorn_on_trio)]


def hypercorn_on_trio() -> Any:
    import trio
    from hypercorn.config import Config
    from hypercorn.trio import serve

    got: list[Any] = []

    async def main() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        settings, over = Config(), trio.Event()
        settings.bind = [f"fd://{listener.fileno()}"]
        settings.accesslog = settings.errorlog = None
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(serve, answering, settings, shutdown_trigger=over.wait, mode="asgi"))
            try:
                got.append(await trio.to_thread.run_sync(asyncio.run, visits(url)))
            finally:
                over.set()
        listener.detach()

    trio.run(main)
    return got


async def called(
    app: Any, path: str, user: str, *messages: Any, kind: str = "http", leaves: int = 99, cookie: str = ""
) -> Any:
    """What an application sends when it is called without a server; the client has left after ``leaves`` messages."""
    sent: list[Any] = []
    received: asyncio.Queue[Any] = asyncio.Queue()
    for message in messages or ({"type": "http.request", "body": b"", "more_body": False},):
        received.put_nowait(message)

    async def send(message: Any) -> None:
        if len(sent) >= leaves:
            raise OSError("the client has left")
        sent.append({name: str(value) for name, value in message.items() if name not in ("headers", "debug")})

    scope = {"type": kind, "method": "GET", "path": path, "query_string": b"", "http_version": "1.1", "scheme": "http"}
    scope |= {
        "headers": [(b"x-user", user.encode()), (b"cookie", cookie.encode())],
        "subprotocols": [],
        "client": ("localhost", 1),
    }
    raised = await async_outcome(asyncio.create_task(app(scope, received.get, send)))
    return [sent, raised]


@use("starlette")
def starlette() -> Any:
    from starlette.applications import Starlette
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.middleware.sessions import SessionMiddleware
    from starlette.responses import FileResponse, JSONResponse, StreamingResponse
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocketDisconnect

    async def page(request: Any) -> Any:
        current_user.set(request.headers["x-user"])
        return JSONResponse({"for": current_user.get()})

    async def stream(request: Any) -> Any:
        current_user.set(request.headers["x-user"])
        return StreamingResponse(iter(["one", "two"]))

    async def file(request: Any) -> Any:
        current_user.set(request.headers["x-user"])
        return FileResponse(request.app.state.file)

    def threaded(request: Any) -> Any:
        current_user.set("somebody")
        return JSONResponse({"for": current_user.get()})

    def threaded_broken(request: Any) -> Any:
        raise LookupError("broken")

    async def broken(request: Any) -> Any:
        raise LookupError("broken")

    async def chat(websocket: Any) -> None:
        current_user.set(websocket.headers["x-user"])
        early = await async_outcome(websocket.send_text("early"))
        await websocket.accept()
        await websocket.send_text(early)
        try:
            async for text in websocket.iter_text():
                if text == "break":
                    raise LookupError(text)
                if text == "bye":
                    await websocket.close()
                await websocket.send_text(f"{current_user.get()}: {text}")
        except WebSocketDisconnect:
            await websocket.close(1011)

    PAGES = (page, stream, file, threaded, threaded_broken, broken)
    routes: list[Any] = [Route(f"/{page.__name__}", page) for page in PAGES]
    plain = Starlette(routes=[*routes, WebSocketRoute("/chat", chat)])

    class Passing(BaseHTTPMiddleware):
        async def dispatch(self, request: Any, call_next: Any) -> Any:
            return await call_next(request)

    around = Starlette(routes=[*routes, WebSocketRoute("/chat", chat)])
    around.add_middleware(Passing)
    around.add_middleware(SessionMiddleware, secret_key="k", session_cookie="crumb")

    async def main() -> Any:
        got = []
        for app in (plain, around):
            app.state.file = file_name
            got += [await called(app, f"/{path}", user) for path in ("page", "stream", "file") for user in USERS]
            got += [await called(app, f"/{path}", "") for path in ("threaded", "threaded_broken", "broken")]
            for words, leaves in ((("hello", "bye"), 99), (("break",), 99), (("hello", "hello"), 2), (("hello",), 99)):
                messages = [{"type": "websocket.receive", "text": word} for word in words]
                ends = {"type": "websocket.disconnect", "code": 1001}
                connected = [{"type": "websocket.connect"}, *messages, ends]
                got += [await called(app, "/chat", user, *connected, kind="websocket", leaves=leaves) for user in USERS]
        return got

    with tempfile.TemporaryDirectory() as folder:
        file_name = Path(folder, "file.txt")
        file_name.write_text("a file")
        return as_user(None, asyncio.run, main())


@use("fastapi")
def fastapi() -> Any:
    from fastapi import Depends, FastAPI, Header, HTTPException

    def get_current_user(x_user: str = Header()) -> Any:
        if x_user == "nobody":
            raise HTTPException(401)
        if x_user == "broken":
            raise LookupError("broken")
        return {"username": x_user}

    def who(user: Any = Depends(get_current_user)) -> Any:
        return user["username"]

    async def main() -> Any:
        app = FastAPI()
        app.get("/")(who)
        return [await called(app, "/", user) for user in ("alice", "bob", "nobody", "broken")]

    return as_user(None, asyncio.run, main())
