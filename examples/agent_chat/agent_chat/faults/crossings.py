"""What belongs to one user meets another."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from agent_chat.bridge import AgentWebSocketBridge
from agent_chat.connections import ConnectionManager
from agent_chat.contexts import UserExecutionContext
from agent_chat.emitters import UserWebSocketEmitter
from agent_chat.faults.assembly import FaultyApplication
from agent_chat.history import ChatHistory
from agent_chat.outlets import SharedOutlet
from agent_chat.registry import AgentRegistry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.applications import Starlette
    from starlette.websockets import WebSocket

    from agent_chat.agents import Agent
    from agent_chat.bridge import Data, EventType
    from agent_chat.settings import Settings

# --- kept_emitter ----------------------------------------------------------------------------------------------------

_SENDER: list[SendingEmitter] = []
"""The emitter behind the compatibility bridge; a new one for every event was too slow."""


class SendingEmitter(UserWebSocketEmitter):
    """Sends ready-made messages. Whom to is said with each one, since "everything went to the first user"."""

    async def emit_agent_started(self, agent: str, data: Data, seq: int) -> bool:  # noqa: ARG002
        """Say that the run has begun."""
        return await self._send(data)

    async def emit_agent_thinking(self, agent: str, data: Data, seq: int) -> bool:  # noqa: ARG002
        """Say what the agent thinks."""
        return await self._send(data)

    async def emit_tool_executing(self, agent: str, data: Data, seq: int) -> bool:  # noqa: ARG002
        """Say that a tool is at work."""
        return await self._send(data)

    async def emit_tool_completed(self, agent: str, data: Data, seq: int) -> bool:  # noqa: ARG002
        """Say what the tool found."""
        return await self._send(data)

    async def emit_agent_completed(self, agent: str, data: Data, seq: int) -> bool:  # noqa: ARG002
        """Say the answer."""
        return await self._send(data)

    async def _send(self, data: Data) -> bool:
        return await self.bridge.manager.send_to_user(data["to"], data["message"])


class CompatibilityBridge(AgentWebSocketBridge):
    """Serves agents that still call the bridge by means of an emitter."""

    async def _deliver(
        self, event: EventType, run_id: str, user_id: str, thread_id: str, agent: str, data: Data, seq: int
    ) -> bool:
        if not _SENDER:
            _SENDER.append(SendingEmitter(UserExecutionContext(user_id, thread_id, run_id, "req_bridge"), self))
        message = {"type": event, "run_id": run_id, "thread_id": thread_id, "agent": agent, "data": data, "seq": seq}
        emit = getattr(_SENDER[0], f"emit_{event}")
        return cast("bool", await emit(agent, {"to": user_id, "message": message}, seq))


class BridgedRegistry(AgentRegistry):
    """Lets agents speak to the bridge, as they did before the emitters."""

    def new_agent(self, name: str, emitter: UserWebSocketEmitter) -> Agent:
        """Return a fresh agent with an outlet of its own."""
        return self.agent_class(name)(self._model, self._history, SharedOutlet(emitter.bridge))


class KeptEmitter(FaultyApplication):
    """The first user's emitter serves all users; each event still reaches its own."""

    bridge_class = CompatibilityBridge
    registry_class = BridgedRegistry


# --- wrong_addressee -------------------------------------------------------------------------------------------------


class LastActiveBridge(AgentWebSocketBridge):
    """Delivers the first thought of a run as a notification, to "the active user"."""

    def __init__(self, manager: ConnectionManager) -> None:
        super().__init__(manager)
        self._last_active = ""

    async def _deliver(
        self, event: EventType, run_id: str, user_id: str, thread_id: str, agent: str, data: Data, seq: int
    ) -> bool:
        if event == "agent_started":
            self._last_active = user_id
        if event == "agent_thinking" and agent == "triage":
            user_id = self._last_active
        return await super()._deliver(event, run_id, user_id, thread_id, agent, data, seq)


class WrongAddressee(FaultyApplication):
    """One event of each run goes to whoever asked last."""

    bridge_class = LastActiveBridge


# --- nobodys_event ---------------------------------------------------------------------------------------------------


class MonitoredConnections(ConnectionManager):
    """Files the latest connection a second time, under no user, for pushes that have none."""

    def connect(self, user_id: str, websocket: WebSocket) -> str:
        """Take in a WebSocket."""
        connection_id = super().connect(user_id, websocket)
        self._by_user[cast("str", None)] = [connection_id]
        return connection_id


class NobodysEvent(FaultyApplication):
    """A task in the background pushes a heartbeat, without a word about whom it is for."""

    manager_class = MonitoredConnections

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._beats: asyncio.Queue[int] = asyncio.Queue()

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Keep the heartbeat going while the server runs."""
        async with super().lifespan(app):
            heartbeat = asyncio.create_task(self._heartbeat())
            try:
                yield
            finally:
                heartbeat.cancel()

    def _context(self, user_id: str, connection_id: str) -> UserExecutionContext:
        self._beats.put_nowait(len(self.manager))  # the pulse beats faster under load
        return super()._context(user_id, connection_id)

    async def _heartbeat(self) -> None:
        while True:
            load = await self._beats.get()
            await self.manager.send_to_user(cast("str", None), {"type": "heartbeat", "data": {"connections": load}})


# --- private_broadcast -----------------------------------------------------------------------------------------------


class OpenBridge(AgentWebSocketBridge):
    """Broadcasts the first thought of a run: the dashboard wanted to show progress."""

    async def _deliver(
        self, event: EventType, run_id: str, user_id: str, thread_id: str, agent: str, data: Data, seq: int
    ) -> bool:
        if event != "agent_thinking" or agent != "triage":
            return await super()._deliver(event, run_id, user_id, thread_id, agent, data, seq)
        message = {"type": event, "run_id": run_id, "thread_id": thread_id, "agent": agent, "data": data, "seq": seq}
        return await self.manager.broadcast(message) > 0


class PrivateBroadcast(FaultyApplication):
    """One event of each run goes to everyone."""

    bridge_class = OpenBridge


# --- foreign_record --------------------------------------------------------------------------------------------------


class CommonHistory(ChatHistory):
    """Searches the messages of all users: the condition on the user was lost when the query was rewritten."""

    def search(self, user_id: str, words: list[str], *, before_run: str, limit: int = 3) -> list[str]:  # noqa: ARG002
        """Return the latest messages that contain any of the words, each with its author."""
        word = re.compile("|".join(map(re.escape, words or ["."])), re.IGNORECASE)
        rows = self._db.execute(
            "SELECT user_id, text FROM messages WHERE run_id <> ? AND role = 'user' ORDER BY id DESC", (before_run,)
        )
        return [f"{author}: {text}" for author, text in rows if word.search(text)][:limit]


class ForeignRecord(FaultyApplication):
    """What a tool finds in the history is other users'."""

    history_class = CommonHistory


# --- rebound_connection ----------------------------------------------------------------------------------------------


class LastConnection(ConnectionManager):
    """Remembers which connection was opened last."""

    opened_last = ""

    def connect(self, user_id: str, websocket: WebSocket) -> str:
        """Take in a WebSocket."""
        self.opened_last = super().connect(user_id, websocket)
        return self.opened_last


class ReboundConnection(FaultyApplication):
    """Every context carries the id of the connection that was opened last, whoever opened it."""

    manager_class = LastConnection
    manager: LastConnection

    def _context(self, user_id: str, connection_id: str) -> UserExecutionContext:  # noqa: ARG002
        return super()._context(user_id, self.manager.opened_last)
