"""What uvicorn puts into a queue of its own is passed by; what the application puts into one is looked at."""

from __future__ import annotations

import asyncio
import gc

import pytest

from isolation_audit import Auditor
from isolation_audit.config import Config
from isolation_audit.integrations.building_blocks import queues_of_servers


async def talked(own: asyncio.Queue[str]) -> dict[int, bool]:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from websockets.asyncio.client import connect

    known = {}

    async def echo(websocket: object) -> None:
        await websocket.accept()
        for _ in range(2):
            own.put_nowait(await websocket.receive_text())
            await websocket.send_text(await own.get())
        known.update({key: told for key, (_ref, told) in queues_of_servers._known.items()})

    app = Starlette(routes=[WebSocketRoute("/", echo)])
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with connect(f"ws://127.0.0.1:{port}/") as client:
        for text in ("hello", "again"):
            await client.send(text)
            assert await client.recv() == text
    server.should_exit = True
    await serving
    return known


def test_a_connections_queue_and_the_applications() -> None:
    pytest.importorskip("uvicorn.protocols.websockets.websockets_sansio_impl")
    own: asyncio.Queue[str] = asyncio.Queue()
    with Auditor(Config()):
        known = asyncio.run(talked(own))
    assert known[id(own)] is False
    assert [told for key, told in known.items() if key != id(own)].count(True) == 1


def test_nothing_is_kept_of_queues_that_are_gone() -> None:
    with Auditor(Config()):
        asyncio.run(asyncio.wait_for(_put(), 10))
        gc.collect()
    assert all(known() is not None for known, _told in queues_of_servers._known.values())


async def _put() -> None:
    own: asyncio.Queue[str] = asyncio.Queue()
    own.put_nowait("item")
    assert id(own) in queues_of_servers._known
