"""Starlette: rooms of WebSockets; what one member says goes to all of them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from benchmarks.programs.web.notes import sentry

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

rooms: defaultdict[str, list[WebSocket]] = defaultdict(list)
sentry()


async def room(websocket: WebSocket) -> None:
    """One member, as long as it stays."""
    await websocket.accept()
    members = rooms[websocket.path_params["name"]]
    members.append(websocket)
    try:
        while True:
            text = await websocket.receive_text()
            for member in list(members):
                await member.send_text(text)
    except (WebSocketDisconnect, RuntimeError):
        members.remove(websocket)


app = Starlette(routes=[WebSocketRoute("/rooms/{name}", room)])
