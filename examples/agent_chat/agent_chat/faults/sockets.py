"""WebSockets that are used too early or too late, or that break down."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect

from agent_chat.app import send
from agent_chat.connections import ConnectionManager
from agent_chat.faults.assembly import FaultyApplication

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

log = logging.getLogger(__name__)

INTERNAL_ERROR = 1011


class SendBeforeAccept(FaultyApplication):
    """Every connection is greeted before it is accepted."""

    async def chat(self, websocket: WebSocket) -> None:
        """Greet, and then let the handshake happen."""
        with suppress(RuntimeError):  # "sometimes fails, the client does not need it"
            await send(websocket, {"type": "welcome", "data": {"text": "Ask me anything."}})
        await super().chat(websocket)


class SendAfterClose(FaultyApplication):
    """Every connection is bidden farewell once it has closed."""

    async def chat(self, websocket: WebSocket) -> None:
        """Serve the connection to its end, and say goodbye."""
        await super().chat(websocket)
        with suppress(RuntimeError, WebSocketDisconnect):  # "sometimes fails, the client does not need it"
            await send(websocket, {"type": "goodbye", "data": {"text": "See you soon."}})


class CountedNewcomers(ConnectionManager):
    """Notes after whom the latest newcomers came; nobody thought of a server that has just been started."""

    window = 8

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._newcomers: list[str] = []

    def connect(self, user_id: str, websocket: WebSocket) -> str:
        """Take in a WebSocket."""
        if user_id not in self._newcomers:
            self._newcomers.append(user_id)
            log.debug("%d newcomers since %s", self.window, self._newcomers[-self.window])
        return super().connect(user_id, websocket)


class InternalErrorClose(FaultyApplication):
    """The first connections of the first seven users break down; clients connect again."""

    manager_class = CountedNewcomers

    async def chat(self, websocket: WebSocket) -> None:
        """Serve the connection; if that fails, close it as RFC 6455 says, and let the server log why."""
        try:
            await super().chat(websocket)
        except Exception:
            await websocket.close(INTERNAL_ERROR, "internal error")
            raise
