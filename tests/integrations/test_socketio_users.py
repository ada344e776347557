"""Socket.IO on a real uvicorn: whose handler runs, with no word about it in the configuration."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from servers import serving

from isolation_audit.auditor import current
from isolation_audit.config import Config, model
from isolation_audit.integrations.socketio_handlers import Known

socketio = pytest.importorskip("socketio")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets")


def known() -> str | None:
    auditor = current()
    user = None if auditor is None else auditor.runtime.ambient.current()
    return None if user is None else user.id


class Site:
    """A server whose ``connect`` saves ``session``; its handlers say who they are for."""

    def __init__(self, session: Any = None, headers: Any = None) -> None:
        self.server = socketio.AsyncServer(async_mode="asgi")
        self.connected: dict[str, list[str | None]] = {}
        self.headers = headers or (lambda _user: {})

        @self.server.event
        async def connect(sid: str, _environ: Any, auth: dict[str, str]) -> None:
            before = known()
            if session is not None:
                await self.server.save_session(sid, session(auth["user"]))
            self.connected[auth["user"]] = [before, known()]

        @self.server.event
        async def ask(sid: str) -> str | None:
            return known()

        @self.server.event
        async def become(sid: str, user: str) -> list[str | None]:
            before = known()
            await self.server.save_session(sid, {"user_id": user})
            return [before, known()]

    async def visit(self, *events: Any, users: tuple[str, ...] = ("alice", "bob")) -> list[Any]:
        """What each user's handlers answer, all clients being connected."""
        seen = []
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(serving(socketio.ASGIApp(self.server)))
            clients = []
            for user in users:
                client = socketio.AsyncClient()
                await client.connect(
                    url.replace("ws", "http", 1),
                    auth={"user": user},
                    transports=["websocket"],
                    headers=self.headers(user),
                )
                stack.push_async_callback(client.disconnect)
                clients.append(client)
            seen += [[await client.call(*event, timeout=60) for event in events] for client in clients]
            seen.append(await asyncio.gather(*(client.call("ask", timeout=60) for client in clients)))
        return seen


@pytest.mark.parametrize(
    "session",
    [
        lambda user: {"user": user},
        lambda user: {"user_id": user, "theme": "dark"},
        lambda user: {"user": {"username": user}},
    ],
)
def test_the_saved_session_tells_whose_handlers_run(audited, session):
    site = Site(session)
    done = audited(lambda: site.visit(("ask",)))
    assert done.result == [["alice"], ["bob"], ["alice", "bob"]]
    assert site.connected == {"alice": [None, "alice"], "bob": [None, "bob"]}
    assert done.findings == {}
    assert len(done.auditor.runtime.part(Known)._told) == 0


def test_a_header_of_the_handshake_tells_where_no_session_does(audited):
    site = Site(headers=lambda user: {"X-User": user})
    assert audited(lambda: site.visit(("ask",))).result == [["alice"], ["bob"], ["alice", "bob"]]
    assert site.connected == {"alice": ["alice", "alice"], "bob": ["bob", "bob"]}


def test_who_becomes_another_on_the_way_is_nobody_for_that_handler(audited):
    site = Site(lambda user: {"user_id": user})
    done = audited(lambda: site.visit(("become", "carol"), users=("alice",)))
    assert done.result == [[["alice", None]], ["carol"]]


def test_without_session_and_header_nobody_is_known(audited):
    assert audited(lambda: Site().visit(("ask",))).result == [[None], [None], [None, None]]


def test_switched_off_nobody_is_known(audited):
    config = Config(identity=model.Identity(detect=()))
    site = Site(lambda user: {"user": user})
    assert audited(lambda: site.visit(("ask",)), config).result == [[None], [None], [None, None]]
