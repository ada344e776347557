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
    from twisted.internet.testing import StringTransport
    from twisted.web.resource import Resource
    from twisted.web.server import Site

    class Hello(Resource):
        isLeaf = True

        def render(self, request: Any) -> bytes:
            if request.path == b"/carol":
                raise LookupError("carol")
            return b"hello"

    site = Site(Hello())
    site.displayTracebacks = False
    site.noisy = False
    answers = []
    for path in (b"/alice", b"/carol"):
        connection = site.buildProtocol(None)
        transport = StringTransport()
        connection.makeConnection(transport)
        connection.dataReceived(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answers.append(transport.value().decode().partition("\r\n")[0])
    return answers
