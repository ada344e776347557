"""The web application: log in over HTTP, then ask over a WebSocket.

``uvicorn agent_chat.app:app`` takes its settings from the environment (:meth:`Settings.from_env`).
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from contextlib import asynccontextmanager, suppress
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from agent_chat.auth import AuthError, current_user, issue_token, user_id_for, verify_token
from agent_chat.bridge import AgentWebSocketBridge
from agent_chat.connections import ConnectionManager
from agent_chat.contexts import new_context, thread_id_for
from agent_chat.factory import ExecutionEngineFactory
from agent_chat.faults import application_class
from agent_chat.history import ChatHistory
from agent_chat.model import LanguageModel
from agent_chat.registry import AgentRegistry
from agent_chat.service import ChatService, LegacyChatService, UserChatService
from agent_chat.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from agent_chat.contexts import UserExecutionContext

log = logging.getLogger(__name__)

BAD_TOKEN = 4401
MAX_QUESTION = 4_000


class ChatApplication:
    """The parts of one server and its endpoints; a subclass may put it together from other parts."""

    history_class: type[ChatHistory] = ChatHistory
    manager_class: type[ConnectionManager] = ConnectionManager
    bridge_class: type[AgentWebSocketBridge] = AgentWebSocketBridge
    registry_class: type[AgentRegistry] = AgentRegistry
    factory_class: type[ExecutionEngineFactory] = ExecutionEngineFactory
    middleware: Sequence[Middleware] = ()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.history = self.history_class(settings.database)
        self.model = LanguageModel(settings.seed, settings.batch_size, settings.batch_window, settings.model_seconds)
        self.manager = self.manager_class(settings.seed)
        self.bridge = self.bridge_class(self.manager)
        self.registry = self.registry_class(self.model, self.history)
        self.service = self._service()

    def _service(self) -> ChatService:
        if self.settings.engine == "legacy":
            return LegacyChatService(self.registry, self.bridge)
        return UserChatService(self.factory_class(self.registry, self.bridge))

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Close the database when the server ends."""
        try:
            yield
        finally:
            self.history.close()

    async def health(self, _request: Request) -> JSONResponse:
        """``GET /health``: which engine answers, and how many are connected."""
        return JSONResponse({"status": "ok", "engine": self.settings.engine, "connections": len(self.manager)})

    async def login(self, request: Request) -> JSONResponse:
        """``POST /login`` with ``{"name": "alice"}``: a token. It is a demo, so there is no password."""
        try:
            name = (await request.json())["name"]
            user_id = user_id_for(name)
        except (JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
            return JSONResponse({"error": 'expected {"name": "..."}'}, status_code=400)
        except AuthError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({"user_id": user_id, "token": issue_token(user_id, self.settings.secret)})

    async def maintenance(self, request: Request) -> JSONResponse:
        """``POST /maintenance`` with ``{"text": "..."}``: the operator tells everyone something."""
        key = request.headers.get("x-operator-key", "")
        if not hmac.compare_digest(key.encode(), self.settings.operator_key.encode()):
            return JSONResponse({"error": "the operator key is missing or wrong"}, status_code=403)
        try:
            text = str((await request.json())["text"])
        except (JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
            return JSONResponse({"error": 'expected {"text": "..."}'}, status_code=400)
        reached = await self.manager.broadcast({"type": "maintenance", "data": {"text": text}})
        return JSONResponse({"reached": reached})

    async def chat(self, websocket: WebSocket) -> None:
        """``/ws?token=...``: one user's connection, from the handshake to the end."""
        await websocket.accept()
        try:
            user_id = verify_token(websocket.query_params.get("token", ""), self.settings.secret)
        except AuthError as error:
            await websocket.close(BAD_TOKEN, str(error))
            return
        current_user.set(user_id)  # the server runs every connection in a context of its own; runs inherit it
        connection_id = self.manager.connect(user_id, websocket)
        runs: set[asyncio.Task[None]] = set()
        try:
            await send(
                websocket,
                {
                    "type": "connection_ready",
                    "connection_id": connection_id,
                    "thread_id": thread_id_for(self.settings.seed, user_id),
                },
            )
            while (received := await websocket.receive())["type"] != "websocket.disconnect":
                try:
                    question = _question(received)
                except ValueError as error:
                    await send(websocket, {"type": "error", "code": "malformed", "detail": str(error)})
                    continue
                task = asyncio.create_task(self._run(websocket, user_id, connection_id, question))
                runs.add(task)
                task.add_done_callback(runs.discard)
        finally:
            self.manager.disconnect(user_id, connection_id)
            for task in runs:
                task.cancel()

    async def _run(self, websocket: WebSocket, user_id: str, connection_id: str, question: str) -> None:
        context = self._context(user_id, connection_id)
        try:
            await self._answer(websocket, context, question)
        except Exception:
            log.exception("run %s failed", context.run_id)
            with suppress(WebSocketDisconnect, RuntimeError):  # the user may be gone by now
                await send(websocket, {"type": "error", "code": "run_failed", "run_id": context.run_id})

    def _context(self, user_id: str, connection_id: str) -> UserExecutionContext:
        return new_context(self.settings.seed, user_id, self.history.next_run(user_id), connection_id)

    async def _answer(self, _websocket: WebSocket, context: UserExecutionContext, question: str) -> None:
        await self.service.ask(context, question)


def _question(received: Mapping[str, Any]) -> str:
    try:
        message = json.loads(received.get("text") or "")
    except ValueError:
        raise ValueError("a message is a JSON text") from None
    if not isinstance(message, dict) or message.get("type") != "ask":
        raise ValueError('a message looks like {"type": "ask", "text": "..."}')
    text = message.get("text")
    if not isinstance(text, str) or not 0 < len(text) <= MAX_QUESTION:
        raise ValueError(f"text is a question of 1 to {MAX_QUESTION} characters")
    return text


async def send(websocket: WebSocket, message: dict[str, Any]) -> None:
    """Send a message that concerns the connection itself; what agents have to say goes through the manager."""
    await websocket.send_text(json.dumps(message, separators=(",", ":")))


def create_app(settings: Settings) -> Starlette:
    """Return the application with these settings."""
    chat = (application_class(settings.fault) if settings.fault else ChatApplication)(settings)
    routes = [
        Route("/health", chat.health),
        Route("/login", chat.login, methods=["POST"]),
        Route("/maintenance", chat.maintenance, methods=["POST"]),
        WebSocketRoute("/ws", chat.chat),
    ]
    return Starlette(routes=routes, middleware=chat.middleware, lifespan=chat.lifespan)


def __getattr__(name: str) -> Starlette:
    """Make ``app`` when somebody asks for it, so that importing this module starts nothing."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    app = globals()["app"] = create_app(Settings.from_env())
    return app
