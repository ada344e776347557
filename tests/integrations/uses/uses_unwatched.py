"""Uses of what is only seen at work: listening sockets, and libraries that serve users and are not watched."""

from __future__ import annotations

import asyncio
import socket
import socketserver
import threading
from typing import Any

from uses import outcome, use

__all__: list[str] = []


@use("listening")
def accepting() -> Any:
    class Shout(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(self.rfile.readline().upper())

    def ask(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(b"hello\n")
            return connection.recv(100)

    async def served() -> Any:
        async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        async with server:
            return await asyncio.to_thread(ask, server.sockets[0].getsockname()[1])

    with socketserver.TCPServer(("127.0.0.1", 0), Shout) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        answers = [ask(server.server_address[1])]
        thread.join()
    answers.append(asyncio.run(served()))
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        nobody.setblocking(False)
        waiting = outcome(nobody.accept)
    return [*map(bytes.decode, answers), waiting]


@use("sightings")
def at_work() -> Any:
    from cheroot.wsgi import Server
    from uses_web import get

    def hello(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
        if environ["PATH_INFO"] == "/carol":
            raise LookupError("carol")
        return [b"hello"]

    server = Server(("127.0.0.1", 0), hello, numthreads=1)
    server.error_log = lambda *_arguments, **_more: None
    server.prepare()
    serving = threading.Thread(target=server.serve)
    serving.start()
    address = f"http://127.0.0.1:{server.bind_addr[1]}"
    try:
        return [asyncio.run(get(address, path))[0] for path in ("/alice", "/carol")]
    finally:
        server.stop()
        serving.join()
