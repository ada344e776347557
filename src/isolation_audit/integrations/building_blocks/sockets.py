"""What integrations of WebSockets share that have plain methods to send, to receive and to close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations.building_blocks.connections import CLOSED, RECEIVED, Connections
from isolation_audit.model.contexts import current_unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.reading.layout import Layout, Values


class SocketPoint(Interceptor):
    """Around a method of a WebSocket."""

    def __init__(
        self,
        place: str,
        connections: Connections,
        layout: Layout,
        *,
        connection_of: Callable[[Any], Any] = lambda websocket: websocket,
    ) -> None:
        """``connection_of`` gives what a connection is known by where nothing can be kept for the WebSocket itself."""
        self.place = place
        self._connections = connections
        self._layout = layout
        self._self_of = layout.receiver_reader()
        self._connection_of = connection_of

    def before(self, values: Values) -> Any:
        """Keep the WebSocket for the end; whoever receives on it, or sends first, is its handler."""
        request = current_unit().request
        if request is not None and request.lasting:
            request.goes_on_here()
        return self._connection_of(self._self_of(values))


class ReceiveSocketPoint(SocketPoint):
    """Around the ways to receive, of which each may give several messages, or none as it ends."""

    def before(self, values: Values) -> Any:
        """Note the user before the first message has come."""
        websocket = super().before(values)
        self._connections.bind(websocket, self._connections.of(websocket))
        return websocket

    def after(self, websocket: Any, result: Any) -> None:
        """Count what has come."""
        connection = self._connections.of(websocket)
        for message in result if type(result) is list else () if result is None else (result,):
            self._connections.received(websocket, connection, message)

    def failed(self, websocket: Any, error: BaseException) -> None:
        """Note the end: from here on the application knows."""
        if self._connections.libraries.is_departure(error):
            connection = self._connections.of(websocket)
            connection.end = connection.end or RECEIVED


class SendSocketPoint(SocketPoint):
    """Around ``send``."""

    def __init__(self, place: str, connections: Connections, layout: Layout, **more: Any) -> None:
        super().__init__(place, connections, layout, **more)
        self._message = layout.argument(0)

    def before(self, values: Values) -> None:
        """Compare with the connection's user."""
        websocket = super().before(values)
        connection = self._connections.of(websocket)
        if connection.end:
            self._connections.unready(connection, connection.end)
            return
        if connection.reader is None:
            self._connections.bind(websocket, connection)
        message = self._message(values)
        # JSON goes as bytes, too, and is the same text.
        text = message.decode("utf-8", "replace") if type(message) is bytes and message[:1] in (b"{", b"[") else message
        self._connections.sent(connection, text)


class CloseSocketPoint(SocketPoint):
    """Around ``close``, which libraries call themselves, too, when a handler has returned."""

    def before(self, values: Values) -> None:
        """Note the end, and tell of 1011."""
        connection = self._connections.of(super().before(values))
        if not connection.end:
            self._connections.closing(connection, self._layout.optional("code")(values))
            connection.end = CLOSED


class AcceptSocketPoint(SocketPoint):
    """Around ``accept``."""

    def after(self, websocket: Any, _result: Any) -> None:
        """Note the user."""
        connection = self._connections.of(websocket)
        connection.opened = True
        self._connections.bind(websocket, connection)
