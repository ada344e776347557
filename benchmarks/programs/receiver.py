"""Takes whatever is sent to it over HTTP: an agent, a collector, a Sentry.

It answers that all is well; as ``slow`` two seconds later, as ``garbage`` with what is no HTTP.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial

GARBAGE = bytes(range(256)) * 16
SLOW = 2.0
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mood: str) -> None:
    """Requests of one connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"transfer-encoding: chunked" in head:
                while not (await reader.readuntil(b"\r\n")).startswith(b"0\r\n"):
                    await reader.readuntil(b"\r\n")
                await reader.readuntil(b"\r\n")
            elif b"content-length:" in head:
                await reader.readexactly(int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
            if mood == "slow":
                await asyncio.sleep(SLOW)
            writer.write(GARBAGE if mood == "garbage" else ANSWER)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        writer.close()


async def main(port: int, mood: str) -> None:
    """Listen until somebody ends it."""
    async with await asyncio.start_server(partial(take, mood=mood), "127.0.0.1", port, limit=1 << 24) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
