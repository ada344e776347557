"""aiohttp: WebSockets of its server."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.probe import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.connections import Connections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

WEBSOCKET = "aiohttp.web_ws:WebSocketResponse"


class Aiohttp:
    """The integration."""

    distribution = "aiohttp"
    since = "3.9.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What goes through a WebSocket either way; ``send_json`` is one of the others below."""
        if not runtime.config.watch.addressees:
            return
        connections = Connections(WEBSOCKET, runtime)
        for name in ("send_str", "send_bytes"):
            yield Point(f"{WEBSOCKET}.{name}", partial(SendPoint, f"{WEBSOCKET}.{name}", connections, runtime))
        for name in ("prepare", "receive"):
            yield Point(f"{WEBSOCKET}.{name}", partial(UsePoint, f"{WEBSOCKET}.{name}", connections, runtime))


class UsePoint(Interceptor):
    """Around what only a connection's own user's work does: the handshake, and receiving."""

    def __init__(self, place: str, connections: Connections, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._connections = connections
        self._self_of = layout.receiver_reader()
        self._seen = runtime.tally.seen

    def before(self, values: Values) -> Any:
        """Keep the WebSocket for the end."""
        self._seen[self.place] += 1
        return self._self_of(values)

    def after(self, state: Any, _result: Any) -> None:
        """Note the user."""
        self._connections.bind(state, self._connections.of(state))


class SendPoint(UsePoint):
    """Around ``send_str`` and ``send_bytes``."""

    def __init__(self, place: str, connections: Connections, runtime: Runtime, layout: Layout) -> None:
        super().__init__(place, connections, runtime, layout)
        self._data = layout.argument("data")

    def before(self, values: Values) -> Any:
        """Compare with the connection's user."""
        connection = self._connections.known(super().before(values))
        if connection is not None:
            self._connections.sent(connection, self._data(values))


integration = Aiohttp()
