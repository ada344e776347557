"""Connections of the standard library's ``socketserver``: each is a unit of work, and whose it is a message may say."""

from __future__ import annotations

import asyncio
import json
import socketserver
import threading
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import jwt
import pytest
from clients import NAMED, known, told

from isolation_audit.instrument.work.sightings import Sightings

KEY = "a key of more than thirty-two bytes"
SAFE = "the password of the safe is marble staircase"
NAILS = "buy two kilos of nails"


class Notes(socketserver.StreamRequestHandler):
    """``AUTH token``, ``PUT text``, ``GET``: what all have put, or what this one has."""

    of_all: Any = None
    kept_for_all: list[str]

    def handle(self) -> None:
        kept: list[str] = self.kept_for_all if self.of_all else []
        for line in self.rfile:
            verb, _, rest = line.decode().strip().partition(" ")
            if verb == "AUTH":
                self.user = jwt.decode(rest, KEY, algorithms=["HS256"])["sub"]
            elif verb == "PUT":
                kept.append(rest)
            answer = {"WHO": known()}.get(verb, kept if verb == "GET" else len(kept))
            self.wfile.write(json.dumps(answer).encode() + b"\n")
            self.wfile.flush()


class BufferedNotes(Notes):
    wbufsize = -1


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False


@asynccontextmanager
async def served(handler: Any, server: Any = Server):
    """The server's port."""
    with server(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield running.server_address[1]
        finally:
            running.shutdown()
            thread.join()


@asynccontextmanager
async def client(port: int, user: str | None = None):
    """A connection; of a ``user`` who has logged in. It gives what says a line, and hears what is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def say(line: str) -> str:
        writer.write(line.encode() + b"\n")
        return (await reader.readline()).decode().strip()

    try:
        if user is not None:
            await say(f"AUTH {jwt.encode({'sub': user}, KEY)}")
        yield say
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("kind", [Notes, BufferedNotes])
@pytest.mark.parametrize("leaks", [True, False])
def test_what_another_connection_has_brought_in(audited, kind: Any, leaks: bool) -> None:
    handler = type("Handler", (kind,), {"of_all": leaks, "kept_for_all": []})

    async def scenario() -> Any:
        async with served(handler) as port, client(port, "alice") as alice, client(port, "bob") as bob:
            await bob(f"PUT {NAILS}")
            await alice(f"PUT {SAFE}")
            return await alice("GET")

    done = audited(scenario, NAMED)
    assert json.loads(done.result) == ([NAILS, SAFE] if leaks else [SAFE])
    assert told(done.findings) == ([("IA203", "alice", "bob")] if leaks else [])
    assert done.auditor.runtime.tally.messages == 5


@pytest.mark.parametrize("server", [Server, socketserver.TCPServer])
def test_a_connection_is_its_users(audited, server: Any) -> None:
    async def scenario() -> Any:
        who = []
        async with served(Notes, server) as port:
            for user in ("alice", None, "bob"):
                async with client(port, user) as say:
                    who.append(json.loads(await say("WHO")))
        return who

    done = audited(scenario, NAMED)
    assert done.result == ["alice", None, "bob"]
    assert told(done.findings) == []


class Page(BaseHTTPRequestHandler):
    """A handler of HTTP is none of these, whatever its own ``handle`` does."""

    def handle(self) -> None:
        super().handle()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(known()).encode())

    def log_message(self, *_words: Any) -> None:
        pass


class Datagram(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, sock = self.request
        sock.sendto(data.upper(), self.client_address)


def test_what_is_served_by_others(audited) -> None:
    async def scenario() -> Any:
        async with served(Page) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.0\r\nX-User: alice\r\n\r\n")
            page = (await reader.read()).rpartition(b"\r\n")[2].decode()
            writer.close()
            await writer.wait_closed()
        async with served(Datagram, socketserver.UDPServer) as port:
            answered = asyncio.get_running_loop().create_future()
            protocol = type(
                "Client",
                (asyncio.DatagramProtocol,),
                {"datagram_received": lambda _self, data, _from: answered.set_result(data.decode())},
            )
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                protocol, remote_addr=("127.0.0.1", port)
            )
            transport.sendto(b"hello")
            got = await answered
            transport.close()
        return page, got

    done = audited(scenario, NAMED)
    assert done.result == ('"alice"', "HELLO")
    assert done.auditor.runtime.tally.requests == 1
    assert done.auditor.runtime.tally.messages == 0
    assert not is_serving(done), "what serves those connections may well be watched by nobody"


def test_what_it_serves_counts_as_watched(audited) -> None:
    async def scenario() -> None:
        async with served(Notes) as port, client(port, "alice") as say:
            await say("WHO")

    assert is_serving(audited(scenario, NAMED))


def is_serving(done: Any) -> bool:
    return done.auditor.runtime.part(Sightings).is_serving("socketserver:StreamRequestHandler.setup")
