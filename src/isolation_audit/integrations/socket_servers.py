"""The standard library's ``socketserver``: connections that an application's own handlers serve are units of work.

Handlers of HTTP have an integration of their own. Of the others those are watched that read and write through
``rfile`` and ``wfile``: what goes through a socket by itself has no hook but one for all sockets of the process.
"""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed, is_standard
from isolation_audit.config.model import Target
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.resolve import resolve
from isolation_audit.instrument.work.routes import Endpoint, code_of
from isolation_audit.instrument.work.sightings import Sightings
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.connections import Connections
from isolation_audit.integrations.building_blocks.http_request import Serving
from isolation_audit.integrations.building_blocks.lines_of_clients import take_in
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.gates import Gate
from isolation_audit.model.requests import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_HANDLER: Final = "socketserver:StreamRequestHandler"
_BEGINNING: Final = f"{_HANDLER}.setup"
_WRITE: Final = "socketserver:_SocketWriter.write"
_READ: Final = "socket:SocketIO.readinto"
_BUFFERED: Final = "socket:SocketIO.write"
_HTTP: Final = "handle_one_request"
"""What handlers of HTTP have."""


class SocketServers:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What serves a connection, and what goes through it: that is looked at once there was one."""
        connections, gate = Connections(_HANDLER, runtime), Gate()
        yield Point(_BEGINNING, partial(SetupPoint, runtime, connections, gate))
        yield Point(FinishPoint.place, partial(FinishPoint, gate))
        yield Point(_WRITE, partial(SendPoint, _WRITE, connections, gate))


class _Served:
    """The mark of requests that are such connections."""

    __slots__ = ("end", "socket")

    def __init__(self, served: socket.socket) -> None:
        self.socket = served
        self.end: Callable[[], None] | None = None
        """Ends the request, which has begun in another call."""


class SetupPoint(Serving):
    """Around the set-up of a handler, which serves its connection from then on."""

    counted = ""  # it counts its messages

    def __init__(self, runtime: Runtime, connections: Connections, gate: Gate, layout: Layout) -> None:
        super().__init__(_BEGINNING, runtime)
        self._connections = connections
        self._opens = gate
        self._handler_of = layout.receiver_reader()
        self._sightings = runtime.part(Sightings)
        # Handlers of libraries come by as well, and stay unwatched.
        self._sightings.waits(_HANDLER, _BEGINNING)

    def before(self, values: Values) -> Any:
        """Wait for its end, where the handler is the application's own."""
        handler = self._handler_of(values)
        view = None if hasattr(handler, _HTTP) else getattr(type(handler), "handle", None)
        code = None if view is None else code_of(view)
        if code is None or is_installed(code.co_filename) or is_standard(code.co_filename):
            return None
        return handler, view

    def after(self, state: Any, _result: Any) -> None:
        """Begin a request that comes with no head."""
        handler, view = state
        served = vars(handler).get("connection")
        if not isinstance(served, socket.socket):
            return
        self._watch()
        endpoint, mark = Endpoint(view=view), _Served(served)
        request = Request(self._sources, _no_headers, mark=mark, endpoint_of=lambda: endpoint)
        request.lasting = True
        mark.end = partial(super().after, self._begin(request, current_unit().request), None)
        self._connections.of(served).opened_by = request, endpoint

    def failed(self, state: Any, error: BaseException) -> None:
        """Nothing has begun."""

    def _watch(self) -> None:
        """From the first connection on, look at what files of sockets read and write."""
        if self._opens.open:
            return
        self._opens.open = True
        self._sightings.serves(_HANDLER)
        places = self._runtime.places
        for place, kind in ((_READ, ReceivePoint), (_BUFFERED, BufferedPoint)):
            target = resolve(socket, Target("socket", place.partition(":")[2]))
            made = partial(kind, self._connections)
            places.meanwhile((_HANDLER, place), partial(places.callable, target, place, made))


def _no_headers() -> tuple[()]:
    return ()


class FinishPoint(Interceptor):
    """Around the end of a handler, whatever has ended it."""

    place = f"{_HANDLER}.finish"

    def __init__(self, gate: Gate, layout: Layout) -> None:
        self.gate = gate
        self._handler_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Keep what ends the connection's request."""
        request = current_unit().request
        mark = None if request is None else request.mark
        here = type(mark) is _Served and vars(self._handler_of(values)).get("connection") is mark.socket
        return mark if here else None

    def after(self, mark: Any, _result: Any) -> None:
        """What waited in its files was sent."""
        end, mark.end = mark.end, None
        if end is not None:
            end()

    def failed(self, mark: Any, _error: BaseException) -> None:
        """Its client has left."""
        self.after(mark, None)


def _socket_of(file: Any) -> Any:
    """The socket beneath what reads or writes, also where another user's work does."""
    return vars(file).get("_sock")


class SendPoint(Interceptor):
    """Around what writes to a connection."""

    def __init__(self, place: str, connections: Connections, gate: Gate | None, layout: Layout) -> None:
        self.place = place
        self.gate = gate
        self._connections = connections
        self._file_of = layout.receiver_reader()
        self._data = layout.argument("b")

    def before(self, values: Values) -> None:
        """Compare with whose it is; what clients write is a question, and no answer."""
        served = _socket_of(self._file_of(values))
        connection = None if served is None else self._connections.known(served)
        if connection is None or connection.opened_by is None or type(connection.opened_by[0].mark) is not _Served:
            return
        if connection.owner is None:
            self._connections.ask(served, connection)
        self._connections.sent(connection, bytes(self._data(values)))


class BufferedPoint(SendPoint):
    """Around what a file with a buffer writes to its socket, one for all sockets."""

    def __init__(self, connections: Connections, layout: Layout) -> None:
        super().__init__(_BUFFERED, connections, None, layout)


class ReceivePoint(Interceptor):
    """Around what reads from a socket for a file, whose own methods are written in C."""

    place = _READ

    def __init__(self, connections: Connections, layout: Layout) -> None:
        self._connections = connections
        self._file_of = layout.receiver_reader()
        self._buffer = layout.argument("b")

    def before(self, values: Values) -> Any:
        """Keep the buffer for the end, where the connection's own work reads."""
        request = current_unit().request
        mark = None if request is None else request.mark
        if type(mark) is not _Served or mark.socket is not _socket_of(self._file_of(values)):
            return None
        return mark.socket, self._buffer(values)

    def after(self, state: Any, result: Any) -> None:
        """What has come in is an input, and may say whose the connection is."""
        served, buffer = state
        if type(result) is int and result > 0:
            take_in(self._connections, served, bytes(memoryview(buffer)[:result]))


integration = SocketServers()
