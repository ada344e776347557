"""Handlers of the standard library's HTTP server that answer by themselves: each request is a unit of work.

A connection that is kept alive waits for its next request inside the call that serves it. So a request begins when its
head was understood, and ends with that call. Handlers of WSGI servers are none of these: those begin their requests
themselves.
"""

from __future__ import annotations

import io
import socket
import sys
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote
from weakref import WeakKeyDictionary, WeakSet

from isolation_audit.config.model import Target
from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.resolve import Resolved, find, function_of, resolve
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.instrument.work.sightings import Sightings
from isolation_audit.integrations.building_blocks.http_request import SERVED, Serving
from isolation_audit.integrations.building_blocks.request_heads import wsgi_headers, wsgi_query
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.requests import Request
from isolation_audit.vocabulary.work import ContextsOfWork

if TYPE_CHECKING:
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Inputs

HANDLE: Final = "http.server:BaseHTTPRequestHandler.handle"
HANDLING: Final = "http.server:BaseHTTPRequestHandler.handle_one_request"
READ: Final = "socket:SocketIO.readinto"

_LARGEST: Final = 256 * 1024
"""Bytes of a request's body that are kept to explain its answer."""

_DIGITS: Final = 18
"""Of a length; Python makes no number of some thousand digits."""

_ONE: Final = "handle_one_request"
_BEGIN_THEMSELVES: Final = ("wsgiref.", "werkzeug.", "django.")
"""Handlers of WSGI servers that are watched by their own names."""

_served: ContextVar[Served | None] = ContextVar("isolation_audit_served_by_a_handler", default=None)


def served_here() -> Served | None:
    """The call that serves the running request, where a handler answers it by itself."""
    served = _served.get()
    return None if served is None or served.state is None else served


def waiting_here() -> Served | None:
    """The same, whether or not its request has come."""
    return _served.get()


def raw_of(file: Any) -> Any:
    """What a handler's buffered file reads from or writes to; the file itself where it has no buffer."""
    return file.raw if type(file) is io.BufferedReader or type(file) is io.BufferedWriter else file


class Served:
    """One call that serves a request, once its head has come."""

    __slots__ = ("handler", "job", "point", "received", "state")

    def __init__(self, point: HandlingPoint, handler: Any, received: Received) -> None:
        self.point = point
        self.handler = handler
        self.received = received
        self.state: Any = None
        """What the end of the request has to know; None as long as there is none."""
        self.job: Any = None
        """The same of its context."""

    def understood(self) -> None:
        """Begin the request, unless a server around this one does."""
        if self.state is not None:
            return
        if answers_itself(self.handler):
            self.point.begin(self)
        else:
            self.received.pass_by()


def answers_itself(handler: Any) -> bool:
    """True where a method of the handler answers; WSGI servers have none, and an application in their server."""
    if find(type(handler), f"do_{handler.command}")[0] is not None or serves_in_its_own_way(type(handler)):
        return True
    return all(getattr(handler.server, name, None) is None for name in ("application", "app"))


def serves_in_its_own_way(kind: type) -> bool:
    """True for a handler with a ``handle_one_request`` of its own: nobody else begins the requests of its server."""
    function = function_of(find(kind, _ONE)[1])
    own = function is not None and function.__module__ != "http.server"
    return own and not any(one.__module__.startswith(_BEGIN_THEMSELVES) for one in kind.__mro__)


class Received:
    """What has come in on one connection since its last request: the head, and then the body, of the next one."""

    def __init__(self) -> None:
        self._waiting = b""
        self._left = 0
        self.body: io.BytesIO | None = None
        """The body of the request that is being served, as far as it has come."""
        self._passes = False
        """True where somebody else begins the requests."""
        self.inputs: Inputs | None = None
        """What came in with that request."""

    def add(self, data: bytes) -> None:
        """Bytes were read from the connection: buffers read ahead, so a body may come with its head."""
        if self._passes:
            return
        if self.body is None:
            self._waiting = (self._waiting + data)[-_LARGEST:]
        else:
            self._take(self.body, data)

    def pass_by(self) -> None:
        """Nothing of this connection is kept."""
        self._waiting, self._passes = b"", True

    def begin(self, environ: dict[str, Any]) -> io.BytesIO:
        """The head was read: what follows it is the body, as long as the head says."""
        body = self.body = io.BytesIO()
        # Lines may end in "\n" alone.
        waiting = self._waiting.replace(b"\r\n\r\n", b"\n\n", 1) if b"\r\n\r\n" in self._waiting else self._waiting
        _head, _, came = waiting.partition(b"\n\n")
        self._waiting = b""
        length = environ.get("HTTP_CONTENT_LENGTH", "")
        self._left = int(length) if length.isdecimal() and len(length) < _DIGITS else 0
        if "HTTP_TRANSFER_ENCODING" in environ:
            self._left = sys.maxsize
        self._take(body, came)
        return body

    def _take(self, body: io.BytesIO, data: bytes) -> None:
        own, following = data[: self._left], data[self._left :]
        self._left -= len(own)
        room = _LARGEST - body.tell()
        if len(own) > room and self.inputs is not None:
            self.inputs.dropped += 1
        body.write(own[:room])
        self._waiting += following[: _LARGEST - len(self._waiting)]

    def end(self) -> None:
        """The request is over; what a client has sent ahead belongs to the next one."""
        self.body = self.inputs = None


class Connections:
    """What has come in, by what reads it; bodies are watched from the first request on, where anything serves one."""

    def __init__(self, runtime: Runtime) -> None:
        self._places = runtime.places
        self._received: WeakKeyDictionary[Any, Received] = WeakKeyDictionary()
        self._placed = False

    def of(self, handler: Any) -> Received:
        """What has come in for a handler."""
        if not self._placed:
            self._placed = True
            reading = resolve(socket, Target("socket", "SocketIO.readinto"))
            self._places.meanwhile(READ, partial(self._places.callable, reading, READ, partial(ReadPoint, self)))
        raw = raw_of(handler.rfile)
        if type(raw) is not socket.SocketIO:
            return Received()
        received = self._received.get(raw)
        if received is None:
            received = self._received[raw] = Received()
        return received

    def get(self, raw: Any) -> Received | None:
        """What has come in through this, where it belongs to a handler."""
        return self._received.get(raw)


class ReadPoint(Interceptor):
    """Around what reads from a socket for a file: a handler's body has no other hook, as its file is written in C."""

    place = READ

    def __init__(self, connections: Connections, layout: Layout) -> None:
        self._connections = connections
        self._self_of = layout.receiver_reader()
        self._buffer = layout.argument("b")

    def before(self, values: Values) -> Any:
        """Keep the buffer for the end, where it is a handler's."""
        received = self._connections.get(self._self_of(values))
        return None if received is None else (received, self._buffer(values))

    def after(self, state: Any, result: Any) -> None:
        """Keep what was read."""
        received, buffer = state
        if type(result) is int and result > 0:
            received.add(bytes(memoryview(buffer)[:result]))


class HandlePoint(Interceptor):
    """Around what serves a connection: a handler may have overridden what serves one request of it."""

    place = HANDLE

    def __init__(self, runtime: Runtime, connections: Connections, layout: Layout) -> None:
        self._self_of = layout.receiver_reader()
        self._places = runtime.places
        self._make = partial(HandlingPoint, runtime, connections)
        self._sightings = runtime.part(Sightings)
        self._met: WeakSet[type] = WeakSet()
        self._packages: tuple[str, ...] = ()

    def before(self, values: Values) -> None:
        """Watch that as well, from its first connection on."""
        kind = type(self._self_of(values))
        if kind in self._met:
            return
        self._met.add(kind)
        if serves_in_its_own_way(kind):
            home, raw = find(kind, _ONE)
            assert home is not None  # noqa: S101 - it was found just now
            self._packages += (kind.__module__.partition(".")[0],)
            self._sightings.serves(HANDLE, self._packages)
            with self._places.on_behalf_of(HANDLING):
                self._places.callable(Resolved(home, _ONE, raw, home), f"{HANDLING} of another", self._make)


class HandlingPoint(Serving):
    """Around the serving of one request, from the wait for its first line to its end."""

    def __init__(self, runtime: Runtime, connections: Connections, layout: Layout) -> None:
        super().__init__(HANDLING, runtime)
        self._connections = connections
        self._self_of = layout.receiver_reader()
        self._lineage = runtime.listener(ContextsOfWork) if runtime.config.watch.contexts else None

    def before(self, values: Values) -> Any:
        """A request may come."""
        handler = self._self_of(values)
        served = Served(self, handler, self._connections.of(handler))
        _served.set(served)
        return served

    def begin(self, served: Served) -> None:
        """It has come."""
        handler = served.handler
        if self._lineage is not None:
            served.job = self._lineage.begin_request(HANDLING)
        environ = environ_of(handler)
        environ["wsgi.input"] = served.received.begin(environ)
        request = Request(
            self._sources,
            partial(wsgi_headers, environ),
            raw=environ,
            mark=SERVED,
            query=partial(wsgi_query, environ),
            endpoint_of=partial(endpoint_of, handler),
        )
        head = Input(REQUEST, environ, texts=request_texts.of_environ)
        served.state = self._begin(request, current_unit().request, head, at_once=True)
        served.received.inputs = request.inputs

    def after(self, served: Any, result: Any) -> None:
        """It is over, if it has come."""
        _served.set(None)
        try:
            if served.state is not None:
                super().after(served.state, result)
        finally:
            served.received.end()
            if self._lineage is not None and served.job is not None:
                self._lineage.end_job(served.job)


def environ_of(handler: Any) -> dict[str, Any]:
    """The head of a request, as WSGI has it."""
    path, _, query = handler.path.partition("?")
    found: dict[str, Any] = {"REQUEST_METHOD": handler.command, "PATH_INFO": unquote(path), "QUERY_STRING": query}
    for name, value in handler.headers.items():
        key = f"HTTP_{name.upper().replace('-', '_')}"
        found[key] = f"{found[key]}, {value}" if key in found else str(value)
    return found


def endpoint_of(handler: Any) -> Endpoint:
    """The method that answers."""
    return Endpoint(None, handler.command, getattr(handler, f"do_{handler.command}", None))
