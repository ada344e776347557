"""Small applications of which the auditor sees nothing, or not all: ``blind.py NAME``."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.error
from pathlib import Path

from serving import elsewhere, everybody, in_thread, with_uvicorn


class Engine:
    def __init__(self, user_id):
        self.user_id = user_id


def work(user):
    return user


async def _with_protocol(protocol) -> None:
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    await elsewhere(everybody, server.sockets[0].getsockname()[1])
    server.close()


def unknown_framework() -> None:
    """A server of one's own, on asyncio's protocols: its connections are seen, and not whose they are."""

    class Serve(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport, self.head = transport, b""

        def data_received(self, data):
            self.head += data
            if b"\r\n\r\n" in self.head:
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
                self.transport.close()

    asyncio.run(_with_protocol(Serve))


def unknown_buffers() -> None:
    """A server of one's own that has what comes in put into its own buffer."""

    class Serve(asyncio.BufferedProtocol):
        def connection_made(self, transport):
            self.transport, self.head, self.buffer = transport, b"", bytearray(1000)

        def get_buffer(self, _size):
            return self.buffer

        def buffer_updated(self, size):
            self.head += self.buffer[:size]
            if b"\r\n\r\n" in self.head:
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
                self.transport.close()

    asyncio.run(_with_protocol(Serve))


def unknown_senders() -> None:
    """A server of one's own, on asyncio's streams: its connections are seen, and not whose they are."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        await elsewhere(everybody, server.sockets[0].getsockname()[1])
        server.close()

    asyncio.run(main())


def unknown_handlers() -> None:
    """A server of one's own, on threads, which reads from its sockets by itself."""
    from socketserver import BaseRequestHandler

    class Handler(BaseRequestHandler):
        def handle(self):
            self.request.recv(4096)
            self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")

    _handled(Handler)


def unknown_lines() -> None:
    """The same with files: its connections are seen, and not whose they are."""
    from socketserver import StreamRequestHandler

    class Handler(StreamRequestHandler):
        def handle(self):
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")

    _handled(Handler)


def _handled(handler: type) -> None:
    from socketserver import ThreadingTCPServer

    server = ThreadingTCPServer(("127.0.0.1", 0), handler)
    server.server_port = server.server_address[1]
    in_thread(server, everybody)


def eventlet_server() -> None:
    os.environ["EVENTLET_NO_GREENDNS"] = "yes"  # it has no look-ups to make
    import eventlet
    from eventlet import tpool, wsgi

    def hello(_environ, start_response):
        start_response("200 OK", [("Content-Length", "5")])
        return [b"hello"]

    listener = eventlet.listen(("127.0.0.1", 0))
    serving = eventlet.spawn(wsgi.server, listener, hello, log_output=False)
    tpool.execute(everybody, listener.getsockname()[1])
    serving.kill()


def gunicorn_asgi() -> None:
    """Processes of their own; the first one ends them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "-k", "asgi", "-b", f"127.0.0.1:{port}", "--log-level", "error"]
    with subprocess.Popen([*command, "blind:hello"], cwd=Path(__file__).parent) as serving:
        try:
            while True:
                assert serving.poll() is None, "it has ended by itself"
                try:
                    everybody(port)
                    break
                except urllib.error.URLError as error:
                    if not isinstance(error.reason, ConnectionRefusedError):
                        raise
                    time.sleep(0.05)
        finally:
            serving.terminate()


async def hello(scope, _receive, send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})


def opaque_tokens() -> None:
    from fastapi import FastAPI

    app = FastAPI()
    app.get("/")(lambda: "hello")
    with_uvicorn(app, lambda port: everybody(port, "authorization", "Bearer 9f3b-{}-no-jwt"))


def typo_in_a_path() -> None:
    import blind

    for user in ("alice", "bob"):
        blind.Engine(user)


def silent_scope() -> None:
    import blind

    for user in ("alice", "bob"):
        blind.work({"user_id": user})


def trio_worker() -> None:
    import trio
    from hypercorn.config import Config
    from hypercorn.trio import serve
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def hello(_request):
        return PlainTextResponse("hello")

    async def main() -> None:
        config = Config()
        config.bind = ["127.0.0.1:0"]
        config.errorlog = None
        over = trio.Event()
        app = Starlette(routes=[Route("/", hello)])
        async with trio.open_nursery() as nursery:
            (url,) = await nursery.start(lambda task_status: _serve(serve, app, config, over, task_status))
            await trio.to_thread.run_sync(everybody, int(url.rpartition(":")[2]))
            over.set()

    trio.run(main)


async def _serve(serve, app, config, over, task_status) -> None:
    await serve(app, config, shutdown_trigger=over.wait, task_status=task_status)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
