"""IA501 of connections: a WebSocket that somebody keeps when its client has gone."""

from __future__ import annotations

import gc
import importlib
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config

if TYPE_CHECKING:
    from pathlib import Path


class Manager:
    """What every tutorial has: the connections by their users."""

    def __init__(self, *, forgets: bool) -> None:
        self.active: dict[str, Any] = {}
        self.forgets = forgets

    async def serve(self, socket: Any) -> None:
        await socket.accept()
        with user_scope(socket.query_params["user"]):
            self.active[f"connection-{len(self.active)}"] = socket
            try:
                while True:
                    await socket.send_text(await socket.receive_text())
            except WebSocketDisconnect:
                if self.forgets:
                    self.active.clear()


@pytest.mark.parametrize("forgets", [True, False])
def test_a_connection_whose_client_has_gone(forgets: bool) -> None:
    manager = Manager(forgets=forgets)
    with Auditor(parse_config({"limits": {"grace": "1ms"}})) as auditor:
        client = TestClient(Starlette(routes=[WebSocketRoute("/", manager.serve)]))
        with client.websocket_connect("/?user=alice") as socket:
            socket.send_text("hello")
            assert socket.receive_text() == "hello"
            auditor.settle(60.0)
            assert not auditor.recorder.counts["IA501"], "it is open"
        del socket
        client.close()
        gc.collect()
        auditor.settle(0.0)
        time.sleep(0.002)
        auditor.settle(0.0)
        found = [one.finding for one in auditor.recorder.entries() if one.finding.rule == "IA501"]
    assert len(found) == (not forgets)
    for one in found:
        assert one.target.startswith("starlette")
        assert "Manager.active" in one.message
        assert "alice" not in one.message


LIBRARY = """
class Sessions:
    def __init__(self):
        self.kept = {}

sessions = Sessions()
"""


@pytest.mark.parametrize("of_library", [True, False])
def test_a_connection_that_a_library_keeps_for_itself(of_library: bool, tmp_path: Path, monkeypatch) -> None:
    """Whether its client comes back is for the library to know; the same code of the application's is told of."""
    folder = tmp_path / ("site-packages" if of_library else "application")
    folder.mkdir()
    (folder / "sessions_of_a_library.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(sys.modules, "sessions_of_a_library", None)  # so that it is taken out afterwards
    del sys.modules["sessions_of_a_library"]
    kept = importlib.import_module("sessions_of_a_library").sessions.kept

    async def serve(socket: Any) -> None:
        await socket.accept()
        with user_scope("alice"):
            kept["alice"] = socket
            await socket.send_text(await socket.receive_text())

    with Auditor(parse_config({"limits": {"grace": "1ms"}})) as auditor:
        client = TestClient(Starlette(routes=[WebSocketRoute("/", serve)]))
        with client.websocket_connect("/") as socket:
            socket.send_text("hello")
            assert socket.receive_text() == "hello"
        del socket
        client.close()
        gc.collect()
        auditor.settle(0.0)
        time.sleep(0.002)
        auditor.settle(0.0)
        found = [one.finding for one in auditor.recorder.entries() if one.finding.rule == "IA501"]
    assert ["Sessions.kept" in one.message or "sessions_of_a_library" in one.message for one in found] == (
        [] if of_library else [True]
    )
