"""Connections of asyncio's own stream servers: each is a unit of work, and whose it is a message may say."""

from __future__ import annotations

import asyncio
import inspect
import json
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
from clients import NAMED, known, told

from isolation_audit import user_scope

KEY = "a key of more than thirty-two bytes"
SAFE = "the password of the safe is marble staircase"
NAILS = "buy two kilos of nails"


def token(user: str) -> str:
    return jwt.encode({"sub": user}, KEY)


@asynccontextmanager
async def served(handler: Any):
    """A server's port. It has let go of its connections when it ends."""
    tasks = []

    async def serve(reader: Any, writer: Any) -> None:
        tasks.append(asyncio.current_task())
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    plain = not any(map(inspect.iscoroutinefunction, (handler, type(handler).__call__)))
    server = await asyncio.start_server(handler if plain else serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*tasks, return_exceptions=True)


class Client:
    def __init__(self, reader: Any, writer: Any) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, line: str) -> str:
        self._writer.write(line.encode() + b"\n")
        return await self.hear()

    async def hear(self) -> str:
        return (await self._reader.readline()).decode().strip()


@asynccontextmanager
async def client(port: int, user: str | None = None):
    """A connection; of a ``user`` who has logged in."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        made = Client(reader, writer)
        if user is not None:
            await made.say(f"AUTH {token(user)}")
        yield made
    finally:
        writer.close()
        await writer.wait_closed()


class Notes:
    """``AUTH token``, ``PUT text``, ``GET``: whoever ``leaks`` goes by who has logged in last."""

    def __init__(self, *, leaks: bool, read: str = "readline") -> None:
        self.leaks, self.read = leaks, read
        self.user = ""
        self.notes: dict[str, list[str]] = {}

    async def lines(self, reader: Any):
        while True:
            if self.read == "read":
                line = await reader.read(4096)
            elif self.read == "readuntil":
                try:
                    line = await reader.readuntil(b"\n")
                except asyncio.IncompleteReadError:
                    return
            else:
                line = await reader.readline()
            if not line:
                return
            yield line.decode().strip().partition(" ")

    async def __call__(self, reader: Any, writer: Any) -> None:
        mine = ""
        async for verb, _, rest in self.lines(reader):
            if verb == "AUTH":
                self.user = mine = jwt.decode(rest, KEY, algorithms=["HS256"])["sub"]
            user = self.user if self.leaks else mine
            kept = self.notes.setdefault(user, [])
            if verb == "PUT":
                kept.append(rest)
            answer = json.dumps({"notes": kept if verb == "GET" else len(kept)}).encode() + b"\n"
            if self.read == "read":
                writer.writelines([answer[:3], answer[3:]])
            else:
                writer.write(answer)
            await writer.drain()


@pytest.mark.parametrize("read", ["readline", "readuntil"])
@pytest.mark.parametrize("leaks", [True, False])
def test_what_another_connection_has_brought_in(audited, leaks: bool, read: str) -> None:
    async def scenario() -> Any:
        async with served(Notes(leaks=leaks, read=read)) as port, client(port, "alice") as alice:
            await alice.say(f"PUT {SAFE}")
            async with client(port, "bob") as bob:
                await bob.say(f"PUT {NAILS}")
                return await alice.say("GET")

    done = audited(scenario, NAMED)
    assert (NAILS in done.result) is leaks
    assert told(done.findings) == ([("IA203", "alice", "bob")] if leaks else [])
    assert done.auditor.runtime.tally.messages == 5


def test_what_is_written_in_parts_stays_as_it_is(audited) -> None:
    async def scenario() -> Any:
        async with served(Notes(leaks=False, read="read")) as port, client(port, "alice") as alice:
            await alice.say(f"PUT {SAFE}")
            return await alice.say("GET")

    done = audited(scenario, NAMED)
    assert json.loads(done.result) == {"notes": [SAFE]}
    assert done.findings == {}


@pytest.mark.parametrize("leaks", [True, False])
def test_who_is_told_to_whoever_asks(audited, leaks: bool) -> None:
    last: dict[str, str] = {}

    async def handler(reader: Any, writer: Any) -> None:
        mine = {}
        while line := await reader.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            if verb == "AUTH":
                last["user"] = mine["user"] = jwt.decode(rest, KEY, algorithms=["HS256"])["sub"]
            name = (last if leaks else mine)["user"]
            writer.write(json.dumps({"mailbox": f"{name}@mail.example"}).encode() + b"\n")

    async def scenario() -> Any:
        async with served(handler) as port, client(port, "alice") as alice, client(port, "bob"):
            return await alice.say("WHOAMI")

    done = audited(scenario, NAMED)
    assert ("bob" in done.result) is leaks
    assert told(done.findings) == ([("IA203", "alice", "bob")] if leaks else [])


class Chat:
    """Hands on what one says to the others, or answers on the connection that came last."""

    def __init__(self) -> None:
        self.writers: dict[str, Any] = {}

    async def __call__(self, reader: Any, writer: Any) -> None:
        name = ""
        while line := await reader.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            if verb == "AUTH":
                name = jwt.decode(rest, KEY, algorithms=["HS256"])["sub"]
                self.writers[name] = writer
                writer.write(b"{}\n")
            else:
                for other in self.writers.values():
                    other.write(json.dumps({"from": name, "text": rest}).encode() + b"\n")


def test_a_chat_is_silent(audited) -> None:
    async def scenario() -> Any:
        async with served(Chat()) as port, client(port, "alice") as alice, client(port, "bob") as bob:
            await alice.say(f"SAY {SAFE}")
            return await bob.hear()

    done = audited(scenario, NAMED)
    assert json.loads(done.result) == {"from": "alice", "text": SAFE}
    assert done.findings == {}


def test_each_connection_is_nobodys_before_it_logs_in(audited) -> None:
    async def handler(reader: Any, writer: Any) -> None:
        while line := await reader.readline():
            if line.startswith(b"AUTH"):
                jwt.decode(line.split()[1], KEY, algorithms=["HS256"])
            writer.write(f"{known()}\n".encode())

    async def scenario() -> Any:
        async with served(handler) as port, client(port) as first:
            before = await first.say("hello")
            async with client(port, "bob"):
                return [before, await first.say("hello"), await first.say(f"AUTH {token('alice')}"), known()]

    done = audited(scenario, NAMED)
    assert done.result == ["None", "None", "alice", None]
    assert done.findings == {}


def test_a_server_of_somebodys_own_and_a_plain_function(audited) -> None:
    """What is no coroutine function serves its connections by itself, in the context of the server."""
    seen: list[str | None] = []

    def handler(_reader: Any, writer: Any) -> None:
        seen.append(known())
        writer.write(b"good bye\n")
        writer.close()

    async def scenario() -> Any:
        with user_scope("owner"):
            async with served(handler) as port, client(port) as one:
                return await one.hear()

    done = audited(scenario, NAMED)
    assert (done.result, seen) == ("good bye", ["owner"])
    assert done.findings == {}


def test_what_a_handler_raises_goes_to_the_loop(audited) -> None:
    async def handler(_reader: Any, _writer: Any) -> None:
        raise ValueError("no")

    async def scenario() -> Any:
        told_of: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told_of.append(context))
        async with served(handler) as port, client(port) as one:
            assert await one.hear() == ""
        return [type(one["exception"]) for one in told_of]

    done = audited(scenario, NAMED)
    assert done.result == [ValueError]
    assert done.findings == {}
