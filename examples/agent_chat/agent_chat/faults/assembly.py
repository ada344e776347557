"""The application with a mistake in it: what all of them have in common.

Clients can't tell from the events alone when the round of a faulty server is over: events are missing, come twice or
arrive elsewhere. So a faulty server says it: ``run_accepted`` before a run, and ``run_over`` after it with the number
of frames about the run that have left, whoever they went to. They are counted below all of the application's own code.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from starlette.middleware import Middleware

from agent_chat.app import ChatApplication, send
from agent_chat.bridge import EVENT_TYPES

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from starlette.websockets import WebSocket

    from agent_chat.contexts import UserExecutionContext
    from agent_chat.settings import Settings


class FrameCount:
    """ASGI middleware: counts, for each run, the frames with its events that were handed to the server."""

    def __init__(self, app: ASGIApp, frames: Counter[str]) -> None:
        self._app = app
        self._frames = frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, and look at what goes out."""

        async def counted(message: Message) -> None:
            await send(message)
            if message["type"] == "websocket.send" and message.get("text"):
                frame = json.loads(message["text"])
                if frame.get("type") in EVENT_TYPES:
                    self._frames[frame["run_id"]] += 1

        await self._app(scope, receive, counted if scope["type"] == "websocket" else send)


class FaultyApplication(ChatApplication):
    """Healthy in itself; tells clients when a run is over."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._frames: Counter[str] = Counter()
        self.middleware = (Middleware(FrameCount, frames=self._frames),)

    async def _answer(self, websocket: WebSocket, context: UserExecutionContext, question: str) -> None:
        await send(websocket, {"type": "run_accepted", "run_id": context.run_id})
        await super()._answer(websocket, context, question)
        frames = self._frames.pop(context.run_id, 0)
        await send(websocket, {"type": "run_over", "run_id": context.run_id, "frames": frames})
