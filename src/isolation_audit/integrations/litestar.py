"""Litestar: requests, which view answers them, and its WebSockets. Its servers see what it answers.

Users and sessions are where its middlewares leave them, in the ASGI scope.
"""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import receiver
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.connections import Connections
from isolation_audit.integrations.building_blocks.http_request import serving_asgi
from isolation_audit.integrations.building_blocks.requests_and_connections import HandingPoint, RequestPoint, point
from isolation_audit.integrations.building_blocks.sockets import (
    AcceptSocketPoint,
    CloseSocketPoint,
    ReceiveSocketPoint,
    SendSocketPoint,
)
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.model.inputs import REQUEST, Input

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

WEBSOCKET: Final = "litestar.connection.websocket:WebSocket"
_APPLICATION: Final = "litestar.app:Litestar.__call__"
_ROUTES: Final = ("litestar.routes.http:HTTPRoute.handle", "litestar.routes.websocket:WebSocketRoute.handle")
_REQUESTS: Final = "litestar.connection.request:Request.__init__"
_THREADED: Final = "litestar.concurrency:sync_to_thread"


class Litestar:
    """The integration."""

    distribution = "litestar"
    since = "2.25"
    packages = ("litestar",)
    departures = ("litestar.exceptions.websocket_exceptions:WebSocketDisconnect",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The application, its routes, and what goes through a WebSocket either way."""
        if runtime.config.watch.contexts:
            yield Point(*point(RequestPoint, _APPLICATION, runtime))
            yield Point(*point(HandingPoint, _THREADED, runtime))
        yield Point(_APPLICATION, serving_asgi(_APPLICATION, runtime))
        for route in _ROUTES:
            yield Point(route, partial(RoutePoint, route))
        if receiver(runtime) is not None:
            yield Point(_REQUESTS, RequestObjectPoint)
        connections = Connections(WEBSOCKET, runtime)
        for name, kind in (
            ("accept", AcceptSocketPoint),
            ("receive_data", ReceiveSocketPoint),
            ("send_data", SendSocketPoint),
            ("close", CloseSocketPoint),
        ):
            make: Any = partial(kind, f"{WEBSOCKET}.{name}", connections, connection_of=attrgetter("send"))
            yield Point(f"{WEBSOCKET}.{name}", make)


class RoutePoint(Interceptor):
    """Around what a router has chosen: the request that is being served can tell its view from here on."""

    def __init__(self, place: str, layout: Layout) -> None:
        self.place = place
        self._scope = layout.argument("scope")

    def before(self, values: Values) -> None:
        """Nothing is looked up before a finding has to name it."""
        request = current_unit().request
        if request is not None:
            scope = self._scope(values)
            request.routed(lambda: endpoint_of(scope))


class RequestObjectPoint(Interceptor):
    """Around the making of a request object: what it reads of the body is an input of the request."""

    place = _REQUESTS

    def __init__(self, layout: Layout) -> None:
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Keep it; it is read when it matters."""
        inputs = current_inputs()
        if inputs is not None:
            inputs.receive(Input(REQUEST, self._self_of(values), texts=_body))


@request_texts.of_client
def _body(asked: Any) -> Any:
    """What has been read of a body; the object keeps it in slots, which are empty before."""
    body = getattr(asked, "_body", None)
    return body if type(body) is bytes else request_texts.of_object(body)


def endpoint_of(scope: Any) -> Endpoint:
    """What answers the request of an ASGI scope; Litestar leaves it there."""
    handler = scope.get("route_handler")
    return Endpoint(scope.get("path_template"), scope.get("method"), getattr(handler, "fn", None))


integration = Litestar()
