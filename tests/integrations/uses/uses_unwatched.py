"""Uses of what is only seen at work: listening sockets, and libraries that serve users and are not watched."""

from __future__ import annotations

import asyncio
import os
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
    os.environ["EVENTLET_NO_GREENDNS"] = "yes"  # it has no look-ups to make
    import eventlet
    from eventlet import tpool, wsgi

    def hello(environ: Any, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/carol":
            raise LookupError("carol")
        start_response("200 OK", [("Content-Length", "5")])
        return [b"hello"]

    def asked(port: int) -> list[str]:
        answers = []
        for path in ("/alice", "/carol"):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                answers.append(connection.makefile("rb").readline().decode().strip())
        return answers

    listener = eventlet.listen(("127.0.0.1", 0))
    serving = eventlet.spawn(wsgi.server, listener, hello, log_output=False, debug=False)
    try:
        return tpool.execute(asked, listener.getsockname()[1])
    finally:
        serving.kill()
        listener.close()
