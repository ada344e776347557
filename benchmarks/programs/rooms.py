"""Members of chat rooms: one message at a time, or as many as the server takes (a process of its own)."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

ROOM = 5
CONNECTIONS = 100


async def joined(port: int, number: int) -> ClientConnection:
    """One member, in the room of its number."""
    from websockets.asyncio.client import connect

    headers = {"X-Forwarded-User": f"member-{number:03}"}
    address = f"ws://127.0.0.1:{port}/rooms/{number // ROOM}"
    return await connect(address, additional_headers=headers, compression=None)


class Room:
    """Five members; one speaks, and all hear it before the next one speaks."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._members: list[ClientConnection] = []

    async def enter(self) -> None:
        """Let them in."""
        self._members = [await joined(self._port, number) for number in range(ROOM)]

    async def talk(self, messages: int) -> None:
        """So many messages."""
        for number in range(messages):
            text = json.dumps({"type": "chat", "number": number, "text": "has anybody seen the minutes of monday?"})
            await self._members[number % ROOM].send(text)
            for member in self._members:
                assert await member.recv() == text


async def saturate(port: int, seconds: float) -> float:
    """Messages a second that come back to whoever has sent them."""
    returned = 0
    members = [await joined(port, number) for number in range(CONNECTIONS)]
    begin = time.monotonic() + 0.5
    end = begin + seconds

    async def speak(number: int, websocket: ClientConnection) -> None:
        nonlocal returned
        count = 0
        while time.monotonic() < end:
            mine = json.dumps({"from": f"member-{number:03}", "number": count})
            await websocket.send(mine)
            while await websocket.recv() != mine:
                continue
            count += 1
            returned += time.monotonic() >= begin

    await asyncio.gather(*(speak(number, websocket) for number, websocket in enumerate(members)))
    return returned / seconds


if __name__ == "__main__":
    print(asyncio.run(saturate(int(sys.argv[1]), float(sys.argv[2]))))
