"""How many messages a second a WebSocket room takes when it is saturated: audited against bare.

Run it as ``python benchmarks/room.py [ROUNDS]``. uvicorn serves rooms of five to 100 connections of as many users; the
clients are a process of their own, and each sends its next message when its last one has come back, so that the server
always has something to do. Bare and audited take turns, and each keeps its best round. A message to a room is one
received and five sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONNECTIONS, ROOM, SECONDS = 100, 5, 4.0

APPLICATION = """\
from collections import defaultdict

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

rooms = defaultdict(list)


async def room(websocket):
    await websocket.accept()
    members = rooms[websocket.path_params["name"]]
    members.append(websocket)
    try:
        while True:
            text = await websocket.receive_text()
            for member in list(members):
                await member.send_text(text)
    except Exception:
        members.remove(websocket)


app = Starlette(routes=[WebSocketRoute("/rooms/{name}", room)])
"""


async def talk(port: int) -> float:
    """Messages a second that come back to whoever has sent them."""
    from websockets.asyncio.client import connect

    returned = 0
    end = time.monotonic() + SECONDS + 1.0
    begin = end - SECONDS

    async def member(number: int) -> None:
        nonlocal returned
        user = f"user-{number:04d}"
        headers = {"X-Forwarded-User": user}
        async with connect(f"ws://127.0.0.1:{port}/rooms/{number // ROOM}", additional_headers=headers) as websocket:
            count = 0
            while time.monotonic() < end:
                mine = json.dumps({"from": user, "number": count})
                await websocket.send(mine)
                while await websocket.recv() != mine:
                    continue
                count += 1
                returned += time.monotonic() >= begin

    await asyncio.gather(*map(member, range(CONNECTIONS)))
    return returned / SECONDS


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def measured(folder: Path, *, audited: bool) -> float:
    """One round in a server of its own."""
    port = free_port()
    server = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "critical"]
    if audited:
        server = [sys.executable, "-m", "isolation_audit", "run", "--", *server]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(server, cwd=folder, stdout=quiet, stderr=quiet) as process:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 0.2).close()
                    break
                except OSError:
                    time.sleep(0.05)
            talking = subprocess.run(
                [sys.executable, __file__, "talk", str(port)], stdout=subprocess.PIPE, check=True, env=dict(os.environ)
            )
        finally:
            process.terminate()
    return float(talking.stdout)


def main(rounds: int) -> None:
    """Print both figures and their ratio."""
    best = {False: 0.0, True: 0.0}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "app.py").write_text(APPLICATION)
        for number in range(2 * rounds):
            audited = bool(number % 2)
            best[audited] = max(best[audited], measured(Path(folder), audited=audited))
    print(
        f"WebSocket rooms, {CONNECTIONS} connections in rooms of {ROOM}, saturated, Python {platform.python_version()}"
    )
    print(
        f"bare {best[False]:,.0f} messages/s, audited {best[True]:,.0f}, audited / bare {best[True] / best[False]:.2f}"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["talk"]:
        print(asyncio.run(talk(int(sys.argv[2]))))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 3)
