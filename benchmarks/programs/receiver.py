"""Takes whatever is sent to it over HTTP, and answers that all is well: an agent, a collector, a Sentry."""

from __future__ import annotations

import asyncio
import sys

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
            writer.write(ANSWER)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        writer.close()


async def main(port: int) -> None:
    """Listen until somebody ends it."""
    async with await asyncio.start_server(take, "127.0.0.1", port, limit=1 << 24) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
