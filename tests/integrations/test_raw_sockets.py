"""Sockets that the application accepts, reads and writes by itself: in threads, in coroutines, one after the other."""

from __future__ import annotations

import asyncio
import json
import selectors
import socket
import socketserver
import threading
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

import pytest
from clients import NAMED, known, told

SAFE = "the password of the safe is marble staircase"
NAILS = "buy two kilos of nails"


class Desk:
    """What lines are answered with: what all have put, or this connection has."""

    def __init__(self, *, leaks: bool) -> None:
        self.of_all: list[str] | None = [] if leaks else None

    def opened(self) -> list[str]:
        return [] if self.of_all is None else self.of_all

    def answer(self, kept: list[str], data: bytes) -> bytes:
        verb, _, rest = data.decode().strip().partition(" ")
        if verb == "PUT":
            kept.append(rest)
        return json.dumps(known() if verb == "WHO" else kept if verb == "GET" else len(kept)).encode() + b"\n"


@contextmanager
def listener() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@contextmanager
def accepting(serve: Any) -> Any:
    """A thread that accepts two connections, each with a thread of its own."""

    def accept(made: socket.socket) -> None:
        for _ in range(2):
            threading.Thread(target=serve, args=(made.accept()[0],), daemon=True).start()

    with listener() as made:
        threading.Thread(target=accept, args=(made,), daemon=True).start()
        yield made.getsockname()[1]


@asynccontextmanager
async def threads(desk: Desk):
    """A thread for each connection."""

    def serve(connection: socket.socket) -> None:
        kept = desk.opened()
        with connection:
            while data := connection.recv(4096):
                connection.sendall(desk.answer(kept, data))

    with accepting(serve) as port:
        yield port


@asynccontextmanager
async def into_buffers(desk: Desk):
    """The same with ``recv_into`` and ``send``."""

    def serve(connection: socket.socket) -> None:
        kept, buffer = desk.opened(), bytearray(4096)
        with connection:
            while length := connection.recv_into(buffer):
                connection.send(memoryview(desk.answer(kept, bytes(buffer[:length]))))

    with accepting(serve) as port:
        yield port


@asynccontextmanager
async def selected(desk: Desk):
    """One thread for all connections."""
    over = threading.Event()

    def serve(made: socket.socket) -> None:
        with selectors.DefaultSelector() as ready, ExitStack() as opened:
            ready.register(made, selectors.EVENT_READ)
            kept: dict[socket.socket, list[str]] = {}
            while not over.is_set():
                for key, _events in ready.select(0.02):
                    one: Any = key.fileobj
                    if one is made:
                        one = opened.enter_context(made.accept()[0])
                        kept[one] = desk.opened()
                        ready.register(one, selectors.EVENT_READ)
                    elif data := one.recv(4096):
                        one.sendall(desk.answer(kept[one], data))
                    else:
                        ready.unregister(one)

    with listener() as made:
        serving = threading.Thread(target=serve, args=(made,), daemon=True)
        serving.start()
        try:
            yield made.getsockname()[1]
        finally:
            over.set()
            await asyncio.to_thread(serving.join)


@asynccontextmanager
async def coroutines(desk: Desk):
    """A task for each connection."""
    loop, tasks = asyncio.get_running_loop(), []

    async def serve(connection: socket.socket) -> None:
        kept = desk.opened()
        with connection:
            while data := await loop.sock_recv(connection, 4096):
                await loop.sock_sendall(connection, desk.answer(kept, data))

    async def accept(made: socket.socket) -> None:
        while True:
            connection, _ = await loop.sock_accept(made)
            tasks.append(loop.create_task(serve(connection)))

    with listener() as made:
        made.setblocking(False)
        tasks.append(loop.create_task(accept(made)))
        try:
            yield made.getsockname()[1]
        finally:
            tasks[0].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def handlers(desk: Desk):
    """A handler of socketserver's that reads from its socket."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            kept = desk.opened()
            while data := self.request.recv(4096):
                self.request.sendall(desk.answer(kept, data))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = False

    with Server(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            serving.join()


@asynccontextmanager
async def client(port: int, user: str | None = None):
    """A connection, of a ``user`` who has logged in; it gives what says a line, and hears what is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def say(line: str) -> Any:
        writer.write(line.encode() + b"\n")
        return json.loads(await reader.readline())

    try:
        if user is not None:
            await say(f"LOGIN {user} secret")
        yield say
    finally:
        writer.close()
        await writer.wait_closed()


EVERY = (threads, into_buffers, selected, coroutines, handlers)


@pytest.mark.parametrize("served", EVERY)
@pytest.mark.parametrize("leaks", [True, False])
def test_what_another_connection_has_brought_in(audited, served: Any, leaks: bool) -> None:
    async def scenario() -> Any:
        async with served(Desk(leaks=leaks)) as port, client(port, "alice") as alice, client(port, "bob") as bob:
            await bob(f"PUT {NAILS}")
            await alice(f"PUT {SAFE}")
            return await alice("GET")

    done = audited(scenario, NAMED)
    assert done.result == ([NAILS, SAFE] if leaks else [SAFE])
    assert told(done.findings) == ([("IA203", "alice", "bob")] if leaks else [])
    assert done.auditor.runtime.tally.messages == 5


@pytest.mark.parametrize("served", EVERY)
def test_a_connection_is_its_users(audited, served: Any) -> None:
    async def scenario() -> Any:
        async with served(Desk(leaks=False)) as port, client(port, "alice") as alice, client(port) as other:
            who = [await alice("WHO"), await other("WHO")]
            await other("USER bob")
            return [*who, await other("WHO"), await alice("WHO"), known()]

    done = audited(scenario, NAMED)
    assert done.result == ["alice", None, "bob", "alice", None]
    assert done.findings == {}


def test_sockets_that_others_accept_are_left_alone(audited) -> None:
    """Those of asyncio's servers, of handlers that go through files, and of whoever calls."""

    class Lines(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(self.rfile.readline())

    async def echo(reader: Any, writer: Any) -> None:
        writer.write(await reader.readline())
        writer.close()

    async def scenario() -> Any:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server, client(server.sockets[0].getsockname()[1]) as one:
            said = [await one("1")]
        with socketserver.TCPServer(("127.0.0.1", 0), Lines) as lines:
            serving = threading.Thread(target=lines.handle_request)
            serving.start()
            async with client(lines.server_address[1]) as one:
                said.append(await one("2"))
            await asyncio.to_thread(serving.join)
        return said, vars(socket.socket).keys() & {"recv", "sendall"}

    done = audited(scenario, NAMED)
    assert done.result == ([1, 2], set())
    assert done.findings == {}


def test_sockets_are_as_they_were_before(audited) -> None:
    async def scenario() -> Any:
        async with threads(Desk(leaks=False)) as port, client(port, "alice") as alice:
            await alice("GET")
        with pytest.raises(OSError), socket.socket() as unconnected:
            unconnected.recv(1)
        return vars(socket.socket).keys() & {"recv", "recv_into", "send", "sendall"}

    done = audited(scenario, NAMED)
    assert done.result == {"recv", "recv_into", "send", "sendall"}
    assert not vars(socket.socket).keys() & done.result
