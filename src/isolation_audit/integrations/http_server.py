"""The standard library's HTTP server, which wsgiref, werkzeug's and Django's development servers are built on.

What handlers write is watched whoever has begun the request; ``http_handlers`` begins those of plain handlers.
"""

from __future__ import annotations

import socket
from functools import partial
from io import BufferedWriter
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.analysis.patterns import pattern
from isolation_audit.config.model import Target
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.passing import passing
from isolation_audit.instrument.resolve import resolve
from isolation_audit.instrument.work.answered import AnsweredRequest
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.session_cookies import answered, are_learned, in_headers
from isolation_audit.integrations.building_blocks.wire import Wire
from isolation_audit.integrations.http_handlers import (
    HANDLE,
    HANDLING,
    Connections,
    HandlePoint,
    HandlingPoint,
    endpoint_of,
    raw_of,
    served_here,
    waiting_here,
)
from isolation_audit.vocabulary.exits import Exits, exits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

WRITE: Final = "socketserver:_SocketWriter.write"
BUFFERED: Final = "socket:SocketIO.write"
PARSE: Final = "http.server:BaseHTTPRequestHandler.parse_request"

_sets_cookie: Final = pattern(rb"(?i)\r\nset-cookie:")
_header: Final = pattern(rb"\r\n([^:\r]+): *([^\r]*)")


class HttpServer:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What handlers write, what they were asked, and where a request begins and ends."""
        sinks = exits_of(runtime)
        wires = None if sinks is None else Wires(sinks, runtime)
        if wires is not None:
            yield Point(WRITE, partial(WritePoint, WRITE, wires))
        yield Point(PARSE, partial(ParsePoint, wires))
        connections = Connections(runtime)
        yield Point(HANDLE, partial(HandlePoint, runtime, connections))
        yield Point(HANDLING, partial(HandlingPoint, runtime, connections))


class HandlersWire(Wire):
    """The bytes that a handler writes on its connection; the cookies that it sets are read in them."""

    learns = True

    def _begin(self, data: bytes) -> bytes:
        if self.learns and served_here() is not None:
            head = data.partition(b"\r\n\r\n")[0]
            if _sets_cookie.search(head) is not None:
                headers = _header.findall(head)
                answered(in_headers(headers), headers)
        return super()._begin(data)


class Wires:
    """The connection behind each writer."""

    def __init__(self, sinks: Exits, runtime: Runtime) -> None:
        self._sinks = sinks
        self._places = runtime.places
        self._learns = are_learned(runtime)
        self._wires: WeakKeyDictionary[Any, Wire] = WeakKeyDictionary()
        self._buffered = False

    def of(self, writer: Any) -> Wire:
        """Made when it is first asked for."""
        wire = self._wires.get(writer)
        if wire is None:
            wire = self._wires[writer] = HandlersWire(self._sinks, WRITE)
            wire.learns = self._learns
        return wire

    def known(self, writer: Any) -> bool:
        """True for a handler's."""
        return writer in self._wires

    def of_handler(self, handler: Any) -> Wire:
        """The same for a handler; one that has a buffer writes through another class, watched from then on."""
        if type(handler.wfile) is BufferedWriter and not self._buffered:
            self._buffered = True
            writing = resolve(socket, Target("socket", "SocketIO.write"))
            self._places.meanwhile(
                BUFFERED, partial(self._places.callable, writing, BUFFERED, partial(BufferedPoint, BUFFERED, self))
            )
        return self.of(raw_of(handler.wfile))


class WritePoint(Interceptor):
    """Around the write of a handler's connection."""

    def __init__(self, place: str, wires: Wires, layout: Layout) -> None:
        self.place = place
        self._wires = wires
        self._self_of = layout.receiver_reader()
        self._data = layout.argument("b")

    def before(self, values: Values) -> None:
        """Search it."""
        data = self._data(values)
        if not passing() and (type(data) is bytes or type(data) is bytearray or type(data) is memoryview):
            self._wires.of(self._self_of(values)).write(bytes(data))


class BufferedPoint(WritePoint):
    """The same where a buffer is between; others write to sockets in this way as well."""

    def before(self, values: Values) -> None:
        """Search what a handler writes."""
        if self._wires.known(self._self_of(values)):
            super().before(values)


class ParsePoint(Interceptor):
    """Around the parsing of a request's head."""

    place = PARSE

    def __init__(self, wires: Wires | None, layout: Layout) -> None:
        self._wires = wires
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Keep the handler for the end."""
        return self._self_of(values)

    def after(self, handler: Any, understood: Any) -> None:
        """Note what is asked for, and begin the request where nobody else does."""
        if not understood:
            return
        served = waiting_here()
        if served is not None and served.handler is handler:
            served.understood()
        if self._wires is not None:
            server = handler.server
            made_by = getattr(server, "application", None) or getattr(server, "app", None)
            asked = endpoint_of(handler) if made_by is None else Endpoint(None, handler.command, made_by)
            self._wires.of_handler(handler).request = AnsweredRequest(handler.path, asked)


integration = HttpServer()
