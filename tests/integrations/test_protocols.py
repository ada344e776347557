"""Protocols of the application's own on asyncio's servers: a connection is a unit, and a line may say whose."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from clients import NAMED, known, told

if TYPE_CHECKING:
    from pathlib import Path

KEY = "a key of more than thirty-two bytes"
SAFE = "the password of the safe is marble staircase"
NAILS = "buy two kilos of nails"


def token(user: str) -> str:
    return jwt.encode({"sub": user}, KEY)


class Notes(asyncio.Protocol):
    """``AUTH token`` or ``LOGIN name password``, ``PUT text``, ``GET``, ``WHO``: what all have put, or this one has."""

    of_all: list[str] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.kept: list[str] = [] if self.of_all is None else self.of_all
        self.rest = b""

    def data_received(self, chunk: bytes) -> None:
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        for line in lines:
            verb, _, rest = line.decode().strip().partition(" ")
            if verb == "AUTH":
                jwt.decode(rest, KEY, algorithms=["HS256"])
            elif verb == "PUT":
                self.kept.append(rest)
            answer = known() if verb == "WHO" else self.kept if verb == "GET" else len(self.kept)
            self.say(json.dumps(answer))

    def say(self, text: str) -> None:
        self.transport.write(text.encode() + b"\n")


class InLines(Notes):
    def say(self, text: str) -> None:
        self.transport.writelines([text.encode(), b"\n"])


class InTasks(Notes):
    def say(self, text: str) -> None:
        async def later() -> None:
            await asyncio.sleep(0)
            Notes.say(self, text)

        self.task = asyncio.get_running_loop().create_task(later())


@asynccontextmanager
async def served(protocol: Any, **options: Any):
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, **options)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def client(port: int, first: str | None = None, **options: Any):
    """A connection that has said its ``first`` line; it gives what says another, and hears what is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)

    async def say(line: str) -> str:
        writer.write(line.encode() + b"\n")
        return (await reader.readline()).decode().strip()

    try:
        if first is not None:
            await say(first)
        yield say
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("kind", [Notes, InLines, InTasks])
@pytest.mark.parametrize("login", ["AUTH", "LOGIN"])
@pytest.mark.parametrize("leaks", [True, False])
def test_what_another_connection_has_brought_in(audited, kind: Any, login: str, leaks: bool) -> None:
    protocol = type("Protocol", (kind,), {"of_all": [] if leaks else None})
    alice, bob = [f"AUTH {token(one)}" if login == "AUTH" else f"LOGIN {one} secret" for one in ("alice", "bob")]

    async def scenario() -> Any:
        async with served(protocol) as port, client(port, alice) as one, client(port, bob) as other:
            await other(f"PUT {NAILS}")
            await one(f"PUT {SAFE}")
            return await one("GET")

    done = audited(scenario, NAMED)
    assert json.loads(done.result) == ([NAILS, SAFE] if leaks else [SAFE])
    assert told(done.findings) == ([("IA203", "alice", "bob")] if leaks else [])
    assert done.auditor.runtime.tally.messages == 5


def test_a_connection_is_its_users(audited) -> None:
    async def scenario() -> Any:
        async with (
            served(Notes) as port,
            client(port, "LOGIN alice pw") as one,
            client(port) as nobody,
            client(port) as other,
        ):
            before = await other("WHO")
            await other("USER bob")
            return [await one("WHO"), await nobody("WHO"), before, await other("WHO"), await one("WHO")], known()

    done = audited(scenario, NAMED)
    assert [json.loads(one) for one in done.result[0]] == ["alice", None, None, "bob", "alice"]
    assert done.result[1] is None
    assert done.findings == {}


@pytest.mark.parametrize(
    "line", ["LOGIN alice", "LOGIN PLAIN secret", "say USER alice", "USER alice has come", "USER a"]
)
def test_what_is_no_login(audited, line: str) -> None:
    async def scenario() -> Any:
        async with served(Notes) as port, client(port, line) as one:
            return await one("WHO")

    done = audited(scenario, NAMED)
    assert json.loads(done.result) is None


def test_who_logs_in_as_somebody_else_is_nobody(audited) -> None:
    async def scenario() -> Any:
        async with served(Notes) as port, client(port, "LOGIN alice secret") as one:
            await one("LOGIN bob secret")
            return await one("WHO")

    done = audited(scenario, NAMED)
    assert json.loads(done.result) is None
    assert done.findings == {}


class Chat(asyncio.Protocol):
    """Hands on what one says to all."""

    everybody: Any

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        verb, _, rest = data.decode().strip().partition(" ")
        if verb == "NICK":
            self.name = rest
            self.everybody.append(self)
            self.transport.write(b"{}\n")
        else:
            for one in self.everybody:
                one.transport.write(json.dumps({"from": self.name, "text": rest}).encode() + b"\n")


def test_a_chat_is_silent(audited) -> None:
    async def scenario() -> Any:
        room = type("Room", (Chat,), {"everybody": []})
        async with served(room) as port, client(port, "NICK alice") as one, client(port, "NICK bob") as other:
            await one(f"SAY {SAFE}")
            return await other(f"SAY {NAILS}")

    done = audited(scenario, NAMED)
    assert json.loads(done.result) == {"from": "alice", "text": SAFE}
    assert done.findings == {}


class Answers(asyncio.Protocol):
    """Each answer goes to the connection that was made last, or to its own."""

    last: Any = None
    leaks = False

    def connection_made(self, transport: Any) -> None:
        type(self).last = self.transport = transport

    def data_received(self, data: bytes) -> None:
        text = data.decode().strip()
        if not text.startswith("NICK"):
            text = json.dumps({"inbox": "alice@mail.example"})
        (self.last if self.leaks and text.startswith("{") else self.transport).write(text.encode() + b"\n")


@pytest.mark.parametrize("leaks", [True, False])
def test_what_goes_to_another_connection(audited, leaks: bool) -> None:
    async def scenario() -> Any:
        desk = type("Desk", (Answers,), {"leaks": leaks})
        async with served(desk) as port, client(port, "NICK alice") as one, client(port, "NICK bob") as other:
            if not leaks:
                return await one("INBOX")
            asking = asyncio.ensure_future(one("INBOX"))
            answer = await other("")  # an empty line, and the answer that is alice's
            asking.cancel()
            return answer

    done = audited(scenario, NAMED)
    assert told(done.findings)[:1] == ([("IA202", "alice", "bob")] if leaks else [])


def test_an_encrypted_connection(audited, certificate: Any) -> None:
    server, trusts = certificate

    async def scenario() -> Any:
        leaks = type("Leaks", (Notes,), {"of_all": []})
        encrypted = partial(client, ssl=trusts, server_hostname="localhost")
        async with served(leaks, ssl=server) as port, encrypted(port, "LOGIN alice secret") as one:
            await one(f"PUT {SAFE}")
            async with encrypted(port, "LOGIN bob secret") as other:
                return await other("GET")

    done = audited(scenario, NAMED)
    assert json.loads(done.result) == [SAFE]
    assert told(done.findings) == [("IA203", "bob", "alice")]


@pytest.fixture
def certificate(tmp_path: Path) -> Any:
    """Settings of both sides."""
    key, made = tmp_path / "key", tmp_path / "certificate"
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    request += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(made)]
    try:
        subprocess.run(["openssl", *request], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl makes the certificate, and is not installed")
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(made, key)
    return serving, ssl.create_default_context(cafile=made)


def test_what_a_protocol_raises_goes_to_the_loop(audited) -> None:
    class Fails(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            raise ValueError("no")

    async def scenario() -> Any:
        told_of: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told_of.append(context))
        async with served(Fails) as port, client(port) as one:
            assert await one("LOGIN alice secret") == ""
            return [type(one["exception"]) for one in told_of], known()

    done = audited(scenario, NAMED)
    assert done.result == ([ValueError], None)
    assert done.findings == {}
