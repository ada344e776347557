"""The standard library's HTTP server, which wsgiref, werkzeug's and Django's development servers are built on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.instrument.probe import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.rules.content.egress import Egress, egress_of, passing
from isolation_audit.rules.content.responses import Asked
from isolation_audit.rules.content.wire import Wire
from isolation_audit.rules.routes import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

WRITE: Final = "socketserver:_SocketWriter.write"
PARSE: Final = "http.server:BaseHTTPRequestHandler.parse_request"


class HttpServer:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What handlers write, and what they were asked."""
        sinks = egress_of(runtime)
        if sinks is not None:
            wires = Wires(sinks)
            yield Point(WRITE, partial(WritePoint, wires))
            yield Point(PARSE, partial(ParsePoint, wires))


class Wires:
    """The connection behind each writer."""

    def __init__(self, sinks: Egress) -> None:
        self._sinks = sinks
        self._wires: WeakKeyDictionary[Any, Wire] = WeakKeyDictionary()

    def of(self, writer: Any) -> Wire:
        """Made when it is first asked for."""
        wire = self._wires.get(writer)
        if wire is None:
            wire = self._wires[writer] = Wire(self._sinks, WRITE)
        return wire


class WritePoint(Interceptor):
    """Around the write of a handler's connection."""

    place = WRITE

    def __init__(self, wires: Wires, layout: Layout) -> None:
        self._wires = wires
        self._self_of = layout.receiver_reader()
        self._data = layout.argument("b")

    def before(self, values: Values) -> None:
        """Search it."""
        data = self._data(values)
        if not passing() and type(data) in (bytes, bytearray, memoryview):
            self._wires.of(self._self_of(values)).write(bytes(data))


class ParsePoint(Interceptor):
    """Around the parsing of a request's head."""

    place = PARSE

    def __init__(self, wires: Wires, layout: Layout) -> None:
        self._wires = wires
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Keep the handler for the end."""
        return self._self_of(values)

    def after(self, handler: Any, understood: Any) -> None:
        """Note what is asked for."""
        if understood:
            server = handler.server
            made_by = getattr(server, "application", None) or getattr(server, "app", None)
            if made_by is None:
                made_by = getattr(handler, f"do_{handler.command}", None)
            self._wires.of(handler.wfile).request = Asked(handler.path, Endpoint(None, handler.command, made_by))


integration = HttpServer()
