"""The open WebSockets and whose they are."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocketDisconnect

from agent_chat.contexts import connection_id_for

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

log = logging.getLogger(__name__)


class ConnectionManager:
    """Delivers messages to users; there is one for the whole process."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._sockets: dict[str, WebSocket] = {}
        self._by_user: dict[str, list[str]] = {}
        self._opened: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._sockets)

    def connect(self, user_id: str, websocket: WebSocket) -> str:
        """Take in an accepted WebSocket and return its connection id."""
        number = self._opened[user_id] = self._opened.get(user_id, 0) + 1
        connection_id = connection_id_for(self._seed, user_id, number)
        self._sockets[connection_id] = websocket
        self._by_user.setdefault(user_id, []).append(connection_id)
        return connection_id

    def disconnect(self, user_id: str, connection_id: str) -> None:
        """Forget a connection; forgetting it twice is fine."""
        self._sockets.pop(connection_id, None)
        mine = self._by_user.get(user_id, [])
        if connection_id in mine:
            mine.remove(connection_id)
        if not mine:
            self._by_user.pop(user_id, None)

    async def send_to_user(self, user_id: str, message: dict[str, Any]) -> bool:
        """Send a message to all connections of a user; return whether it reached at least one."""
        return await self._send(list(self._by_user.get(user_id, ())), message) > 0

    async def broadcast(self, message: dict[str, Any]) -> int:
        """Send a public notice to everyone; return how many connections it reached."""
        return await self._send(list(self._sockets), message)

    async def _send(self, connection_ids: list[str], message: dict[str, Any]) -> int:
        frame = json.dumps(message, separators=(",", ":"))
        reached = 0
        for connection_id in connection_ids:
            websocket = self._sockets.get(connection_id)
            if websocket is None:
                continue
            try:
                await websocket.send_text(frame)
            except (WebSocketDisconnect, RuntimeError):  # it closed under our hands; its endpoint tidies up
                log.info("connection %s is gone", connection_id)
            else:
                reached += 1
        return reached
