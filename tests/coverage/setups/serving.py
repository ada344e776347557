"""What the programs beside this have in common: a server on loopback, and users who ask it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import urllib.request

USERS = ("alice", "bob", "alice")


def ask(port: int, **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers=named)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def everybody(port: int, header: str = "x_user", value: str = "{}") -> None:
    for user in USERS:
        ask(port, **{header: value.format(user)})


def with_uvicorn(app, then, **options) -> None:
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", loop="asyncio", **options))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        then(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()


def with_wsgiref(app, then) -> None:
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_words) -> None:
            pass

    in_thread(make_server("127.0.0.1", 0, app, handler_class=Quiet), then)


def in_thread(server, then) -> None:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        then(server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def elsewhere(function, *arguments) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.to_thread(function, *arguments)
