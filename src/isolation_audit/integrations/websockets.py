"""The ``websockets`` package: connections of its asyncio server, whose they are, and what goes through them."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.connections import BEFORE, CLOSED, RECEIVED, Connections
from isolation_audit.integrations.building_blocks.http_request import Serving
from isolation_audit.integrations.building_blocks.requests_and_connections import HomePoint, RootPoint, point
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.requests import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

CONNECTION = "websockets.asyncio.server:ServerConnection"
BROADCAST = "websockets.asyncio.connection:broadcast"
_STARTING: Final = "websockets.asyncio.server:serve.__await_impl__"
_HANDLING: Final = "websockets.asyncio.server:Server.conn_handler"
_HANDSHAKE: Final = f"{CONNECTION}.handshake"
_COLLECTIONS: Final = frozenset(
    map(id, (set, frozenset, list, tuple, type({0: 0}.keys()), type({0: 0}.values()), weakref.WeakSet))
)


class Websockets:
    """The integration; the legacy implementation (``websockets.legacy``), and the threaded one, are not watched."""

    distribution = "websockets"
    since = "13.0"
    packages = ("websockets",)
    departures = ("websockets.exceptions:ConnectionClosed",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What serves a connection, in a task of its own; what goes through it, or through many at once; its close."""
        connections = Connections(CONNECTION, runtime)
        if runtime.config.watch.contexts:
            # Before the others: they tell whose the connection is, and it must have been nobody's until then.
            yield Point(*point(HomePoint, _STARTING, runtime))
            yield Point(*point(RootPoint, _HANDLING, runtime))
        yield Point(_HANDLING, partial(HandlingPoint, connections, runtime))
        yield Point(_HANDSHAKE, partial(HandshakePoint, _HANDSHAKE, connections))
        yield Point(BROADCAST, lambda layout: BroadcastPoint(connections, layout))
        for name, kind in (("send", SendPoint), ("recv", ReceivePoint), ("close", ClosePoint)):
            place = f"{CONNECTION}.{name}"

            def make(layout: Layout, kind: type[_Point] = kind, place: str = place) -> _Point:
                return kind(place, connections, layout)

            yield Point(place, make)


class HandlingPoint(Serving):
    """Around all that is done for one connection: its handshake, and its handler."""

    counted = ""  # it counts its messages

    def __init__(self, connections: Connections, runtime: Runtime, layout: Layout) -> None:
        super().__init__(_HANDLING, runtime)
        self._connections = connections
        self._server_of = layout.receiver_reader()
        self._connection_of = layout.argument("connection")

    def before(self, values: Values) -> Any:
        """Begin a request, whose head has yet to come: nobody asks for it before the application does."""
        connection = self._connection_of(values)
        endpoint = Endpoint(view=vars(self._server_of(values)).get("handler"))
        request = Request(
            self._sources,
            partial(_headers, connection),
            own_task_only=True,
            endpoint_of=lambda: endpoint,
            query=lambda: _path(connection).partition("?")[2],
        )
        self._connections.of(connection).opened_by = request, endpoint
        return self._begin(request, current_unit().request, Input(REQUEST, connection, texts=_texts))


def _headers(connection: Any) -> Iterable[tuple[str, str]]:
    return ((name.lower(), value) for name, value in connection.request.headers.raw_items())


def _path(connection: Any) -> str:
    return str(connection.request.path)


@request_texts.with_head(lambda connection: ("GET", *_path(connection).partition("?")[::2]))
def _texts(connection: Any) -> Any:
    """The head of a request."""
    return [_path(connection), dict(_headers(connection))]


class _Point(Interceptor):
    """Around a method of a connection."""

    def __init__(self, place: str, connections: Connections, layout: Layout) -> None:
        self.place = place
        self._connections = connections
        self._self_of = layout.receiver_reader()
        self._layout = layout

    def before(self, values: Values) -> Any:
        """Keep the connection for the end."""
        return self._self_of(values)


class HandshakePoint(_Point):
    """Around the handshake, in which an application may find out who is there."""

    def after(self, state: Any, _result: Any) -> None:
        """Note the user: what the handler starts may receive in tasks of its own."""
        if state.state.name == "OPEN":
            self._connections.bind(state, self._connections.of(state))


class SendPoint(_Point):
    """Around ``send``."""

    def __init__(self, place: str, connections: Connections, layout: Layout) -> None:
        super().__init__(place, connections, layout)
        self._message = layout.argument("message")

    def before(self, values: Values) -> Any:
        """Compare with the state of the connection."""
        obj = super().before(values)
        connection = self._connections.of(obj)
        when = BEFORE if obj.state.name == "CONNECTING" else connection.end
        if when:
            self._connections.unready(connection, when)
        else:
            if connection.owner is None:
                self._connections.ask(obj, connection)
            self._connections.sent(connection, self._message(values))
        return connection

    def failed(self, state: Any, error: BaseException) -> None:
        """Note a client that has left."""
        if self._connections.libraries.is_departure(error):
            state.gone = True


class ReceivePoint(_Point):
    """Around ``recv``, which iterating over a connection calls, too."""

    def after(self, state: Any, result: Any) -> None:
        """Note the user."""
        self._connections.received(state, self._connections.of(state), result)

    def failed(self, state: Any, error: BaseException) -> None:
        """Note the end: from here on the application knows."""
        if self._connections.libraries.is_departure(error):
            connection = self._connections.of(state)
            connection.end = connection.end or RECEIVED


class ClosePoint(_Point):
    """Around ``close``, which the server calls, too, when a handler returns (1000) or raises (1011)."""

    def __init__(self, place: str, connections: Connections, layout: Layout) -> None:
        super().__init__(place, connections, layout)
        self._code = layout.optional("code")

    def before(self, values: Values) -> Any:
        """Note the end, and tell of 1011."""
        obj = super().before(values)
        connection = self._connections.of(obj)
        if obj.state.name == "OPEN" and not connection.end:
            self._connections.closing(connection, self._code(values))
        # A server that shuts down closes every connection behind the back of its handlers.
        if obj.server.is_serving():
            connection.end = connection.end or CLOSED


class BroadcastPoint(Interceptor):
    """Around ``broadcast``, which writes past ``send``."""

    place = BROADCAST

    def __init__(self, connections: Connections, layout: Layout) -> None:
        self._connections = connections
        self._receivers = layout.argument("connections")
        self._message = layout.argument("message")

    def before(self, values: Values) -> None:
        """Have it weighed for all of them; what can be iterated over only once is left to the library."""
        receivers = self._receivers(values)
        if id(type(receivers)) in _COLLECTIONS:
            self._connections.broadcast(list(receivers), self.place, self._message(values))


integration = Websockets()
