"""Sanic: requests, whose they are by ``request.ctx``, what it answers, and its WebSockets, on its own server and ASGI.

As its server starts, Sanic makes some of its methods anew, from their source and without what was put around them. So
what handles a request is watched where it is made.
"""

from __future__ import annotations

from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.passing import Passing, PassingPoint, passing
from isolation_audit.instrument.resolve import Resolved
from isolation_audit.instrument.work.answered import AnsweredRequest
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.instrument.work.sightings import Sightings
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.connections import Connections
from isolation_audit.integrations.building_blocks.http_request import Serving
from isolation_audit.integrations.building_blocks.requests_and_connections import HomePoint, RootPoint, point
from isolation_audit.integrations.building_blocks.sockets import CloseSocketPoint, ReceiveSocketPoint, SendSocketPoint
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.requests import Request
from isolation_audit.vocabulary.exits import Exits, LeavingResponse, exits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

WEBSOCKETS: Final = (
    "sanic.server.websockets.impl:WebsocketImplProtocol",
    "sanic.server.websockets.connection:WebSocketConnection",
)
"""On its own server, and on others."""
_HANDLING: Final = "sanic.app:Sanic.handle_request"
_MAKING: Final = "sanic.touchup.schemes.base:BaseScheme.build"
_SEND: Final = "sanic.response.types:BaseHTTPResponse.send"


class Sanic:
    """The integration."""

    distribution = "sanic"
    since = "23.12"
    packages = ("sanic",)
    departures = ("sanic.exceptions:WebsocketClosed", "sanic.exceptions:RequestCancelled")

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What handles a request, what it answers, and what goes through a WebSocket either way."""
        handling = list(_handling(runtime))
        yield from handling
        if runtime.config.watch.contexts:
            yield Point(*point(HomePoint, "sanic.server.protocols.http_protocol:HttpProtocol.__init__", runtime))
        yield Point(_MAKING, partial(MakingPoint, handling, runtime))
        sinks = exits_of(runtime)
        if sinks is not None:
            runtime.part(Sightings).serves(_SEND)
            yield Point(_SEND, partial(SendPoint, sinks))
        for target in WEBSOCKETS:
            connections = Connections(target, runtime)
            for name in ("recv", "recv_burst"):
                yield Point(f"{target}.{name}", partial(ReceiveSocketPoint, f"{target}.{name}", connections))
            yield Point(f"{target}.send", partial(SendSocketPoint, f"{target}.send", connections))
            yield Point(f"{target}.close", partial(CloseSocketPoint, f"{target}.close", connections))


def _handling(runtime: Runtime) -> Iterator[Point]:
    if runtime.config.watch.contexts:
        # Before the other: it tells whose the request is, and it must have been nobody's until then.
        yield Point(*point(ConnectionPoint, _HANDLING, runtime))
    yield Point(_HANDLING, partial(HandlingPoint, runtime))


class MakingPoint(Interceptor):
    """Around the making of a method anew."""

    place = _MAKING

    def __init__(self, handling: list[Point], runtime: Runtime, layout: Layout) -> None:
        self._handling = handling
        self._places = runtime.places
        self._method = layout.argument("method")

    def before(self, values: Values) -> Any:
        """Only the one that handles requests is meant."""
        method = self._method(values)
        return True if getattr(method, "__qualname__", "") == "Sanic.handle_request" else None

    def after(self, _state: Any, result: Any) -> None:
        """Put around it what was around the first."""
        if type(result) is not FunctionType:
            return
        with self._places.on_behalf_of(self.place):
            for number, one in enumerate(self._handling):
                resolved = Resolved(type(self), "handle_request", result, type(self))
                self._places.callable(resolved, f"{self.place} {number}", one.make)


class ConnectionPoint(RootPoint):
    """Around the handling of one request in the task of its connection, where on Sanic's own server others were before.

    On another server that server has begun the request.
    """

    def before(self, values: Values) -> Any:
        """Begin a request that nobody has begun."""
        return super().before(values) if current_unit().request is None else None


class HandlingPoint(Serving):
    """Around the handling of one request, of which several may come by in one task, on a connection kept alive."""

    def __init__(self, runtime: Runtime, layout: Layout) -> None:
        super().__init__(_HANDLING, runtime)
        self._request_of = layout.argument("request")

    def before(self, values: Values) -> Any:
        """Begin a request; on another server it may be a part of one, and only tells more of it."""
        asked = self._request_of(values)
        outer = current_unit().request
        if outer is not None and outer.scope is not None:
            outer.scope = _Told(asked, outer.scope)
            if outer.lasting:
                outer.moves()
            outer.routed(lambda: endpoint_of(asked))
            return None
        request = Request(
            self._sources,
            lambda: ((name.lower(), value) for name, value in asked.headers.items()),
            scope=_Told(asked, {}),
            endpoint_of=lambda: endpoint_of(asked),
        )
        # A WebSocket's handler runs in a task of its own, which the first message makes known.
        request.lasting = str(asked.headers.get("upgrade", "")).lower() == "websocket"
        return self._begin(request, outer, *_inputs(asked), at_once=True)


class SendPoint(PassingPoint):
    """Around the sending of a response, whole or in parts."""

    place = _SEND

    def __init__(self, sinks: Exits, layout: Layout) -> None:
        self._sinks = sinks
        self._self_of = layout.receiver_reader()
        self._data, self._end = layout.optional("data"), layout.optional("end_stream")
        self._responses: WeakKeyDictionary[Any, LeavingResponse] = WeakKeyDictionary()

    def before(self, values: Values) -> Passing | None:
        """Search it; the transport below, or another server, gets the same."""
        answer, data, end = self._self_of(values), self._data(values), self._end(values)
        stream = answer.stream
        asked = getattr(stream, "request", None)
        if asked is None or passing() or asked.method == "HEAD":
            return None
        response = self._responses.get(asked)
        if response is None:
            kind = getattr(answer, "content_type", None) or ""
            told = [(name.encode(), str(value).encode("latin-1", "replace")) for name, value in answer.headers.items()]
            request = AnsweredRequest(f"{asked.path}?{asked.query_string}", endpoint_of(asked))
            response = self._sinks.response(_SEND, [(b"content-type", kind.encode()), *told], request)
            response.kept = self._sinks.shared_caches.answer(told, request)
            self._responses[asked] = response
            data = data or answer.body  # as Sanic does when it sends the head
        if type(data) is str:
            data = data.encode()
        response.chunk(data if type(data) is bytes else b"", last=bool(end) or (data is None and end is None))
        return Passing.begin()


class _Told(dict[str, Any]):
    """What a request has for its user and its session, read as the scope of an ASGI application is."""

    def __init__(self, asked: Any, scope: dict[str, Any]) -> None:
        super().__init__(scope)
        self._asked = asked

    def get(self, name: str, default: Any = None) -> Any:
        """What ``request.ctx`` has by now; past its property, which makes one."""
        if name in ("user", "session", "state"):
            fields = getattr(self._asked._ctx, "__dict__", {})  # noqa: SLF001
            found = fields if name == "state" else fields.get(name)
            if found is not None:
                return found
        return super().get(name, default)


@request_texts.with_head(lambda asked: (asked.method, asked.path, asked.query_string))
def _texts(asked: Any) -> Any:
    """What came with a request."""
    return [asked.path, asked.query_string, list(asked.headers.items())]


@request_texts.of_client
def _body(asked: Any) -> Any:
    """The body, as far as it has been read."""
    return asked.body or None


def _inputs(asked: Any) -> tuple[Input, Input]:
    return Input(REQUEST, asked, texts=_texts), Input(REQUEST, asked, texts=_body)


def endpoint_of(asked: Any) -> Endpoint:
    """What answers a request, and the template of its path; None of both where no router has said so."""
    route = getattr(asked, "route", None)
    template = getattr(route, "path", None)
    return Endpoint(None if template is None else f"/{template}", asked.method, getattr(route, "handler", None))


integration = Sanic()
