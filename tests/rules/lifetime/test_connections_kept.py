"""IA501 of connections: a WebSocket that somebody keeps when its client has gone."""

from __future__ import annotations

import gc
import time
import warnings
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # old ones import from a place that anyio calls old
    from starlette.testclient import TestClient


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
