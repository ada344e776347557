"""What searching payloads costs where they leave: sink by sink, bare beside audited, with 1,000 live users."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

import isolation_audit
from benchmarks.programs.texts import identifiers, text
from benchmarks.rows import Effort, Measured, Row, measures
from isolation_audit.config import Config, model

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KILOBYTES = (1, 16)
CALLS = 300
USERS = identifiers("prefixed", 1_000)


def config() -> Config:
    """Payloads, and nothing else."""
    watch = model.Watch(contexts=False, caches=False, addressees=False, pools=False)
    return Config(watch=watch, report=model.Report(terminal=False))


async def respond(body: bytes) -> float:
    """A response of Starlette's, sent to nowhere."""
    scope = {"type": "http", "path": "/", "query_string": b"", "headers": []}
    from starlette.responses import Response

    response = Response(body, media_type="application/json")

    async def send(_message: Any) -> None:
        pass

    begun = time.process_time()
    for _ in range(CALLS):
        await response(scope, None, send)
    return time.process_time() - begun


async def write(body: bytes) -> float:
    """HTTP on a server's transport; what is spent on the client's side is in both figures."""
    spent = asyncio.get_running_loop().create_future()
    message = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body

    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken = 0.0
        with isolation_audit.user_scope(USERS[0]):
            for _ in range(CALLS):
                begun = time.process_time()
                writer.write(message)
                taken += time.process_time() - begun
                await writer.drain()
        writer.close()
        spent.set_result(taken)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        while await reader.read(1 << 20):
            pass
        writer.close()
        return await spent


async def read(body: bytes) -> float:
    """A client's stream."""
    one, other = socket.socketpair()
    other.sendall(body)
    reader, writer = await asyncio.open_connection(sock=one)
    await asyncio.sleep(0.01)
    begun = time.process_time()
    for _ in range(CALLS):
        got = await reader.readexactly(len(body))
        reader.feed_data(got)
    spent = time.process_time() - begun
    writer.close()
    other.close()
    return spent


SINKS: dict[str, Callable[[bytes], Awaitable[float]]] = {
    "response of Starlette's": respond,
    "write of a transport": write,
    "read of a stream": read,
}


@measures(
    "sinks",
    [
        Row(f"sink_{kind}_us[{name}, {size} KB]", what, unit="us")
        for name in SINKS
        for size in KILOBYTES
        for kind, what in (("bare", "a call"), ("added", "added to a call, JSON that names its own user"))
    ],
    detail=True,
)
def sinks(effort: Effort) -> Measured:
    """Bare and audited in turn."""
    best: dict[tuple[str, int, bool], float] = {}
    for _ in range(effort.times(10)):
        for audited in (False, True):
            auditor = isolation_audit.instrument(config()) if audited else None
            for user in USERS if auditor is not None else ():
                auditor.runtime.users.token(user)
            for name, sink in SINKS.items():
                for size in KILOBYTES:
                    figure = once(sink, text(USERS[0], size * 1024).encode())
                    best[name, size, audited] = min(best.get((name, size, audited), figure), figure)
            if auditor is not None:
                assert not auditor.snapshot()["summary"]["findings"]
                isolation_audit.uninstrument()
    bare = {f"sink_bare_us[{name}, {size} KB]": best[name, size, False] for name in SINKS for size in KILOBYTES}
    return Measured(
        bare
        | {
            f"sink_added_us[{name}, {size} KB]": best[name, size, True] - best[name, size, False]
            for name in SINKS
            for size in KILOBYTES
        }
    )


def once(sink: Callable[[bytes], Awaitable[float]], body: bytes) -> float:
    """Microseconds a call."""

    async def run() -> float:
        with isolation_audit.user_scope(USERS[0]):
            return await sink(body)

    return asyncio.run(run()) / CALLS * 1e6
