"""What searching payloads costs where they leave: microseconds a call and a KB, bare beside audited, sink by sink.

Run it as ``python benchmarks/sinks.py [ROUNDS]``. Each sink is given JSON that names its own user, beside 1,000 live
users. Bare and audited take turns; each keeps its best round.
"""

from __future__ import annotations

import asyncio
import platform
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

import isolation_audit
from benchmarks.programs.texts import identifiers, text
from isolation_audit.config import Config, model

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SIZES = (1, 16)
CALLS = 300
USERS = identifiers("prefixed", 1_000)


def config() -> Config:
    """Payloads, and nothing else."""
    watch = model.Watch(contexts=False, caches=False, addressees=False, pools=False)
    return Config(watch=watch, report=model.Report(terminal=False))


async def respond(body: bytes) -> float:
    """A response of Starlette's, sent to nowhere."""
    scope = {"type": "http", "path": "/", "query_string": b"", "headers": []}
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


def once(sink: Callable[[bytes], Awaitable[float]], body: bytes) -> float:
    """Microseconds a call."""

    async def run() -> float:
        with isolation_audit.user_scope(USERS[0]):
            return await sink(body)

    return asyncio.run(run()) / CALLS * 1e6


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    best: dict[tuple[str, int, bool], float] = {}
    for _ in range(rounds):
        for audited in (False, True):
            auditor = isolation_audit.instrument(config()) if audited else None
            for user in USERS if auditor is not None else ():
                auditor.runtime.users.token(user)
            for name, sink in SINKS.items():
                for size in SIZES:
                    figure = once(sink, text(USERS[0], size * 1024).encode())
                    best[name, size, audited] = min(best.get((name, size, audited), figure), figure)
            if auditor is not None:
                assert not auditor.snapshot()["summary"]["findings"]
                isolation_audit.uninstrument()
    print(f"CPython {platform.python_version()}, JSON that names its own user, best of {rounds}; µs a call")
    print(f"{'':26}{'KB':>4}{'bare':>8}{'audited':>9}{'added':>8}{'added a KB':>12}")
    for name in SINKS:
        for size in SIZES:
            bare, audited_figure = best[name, size, False], best[name, size, True]
            added = audited_figure - bare
            print(f"{name:26}{size:4}{bare:8.1f}{audited_figure:9.1f}{added:8.1f}{added / size:12.2f}")


if __name__ == "__main__":
    main()
