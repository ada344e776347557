"""Falcon: whose its requests are, and which responder answers them; its responses are sent by the server.

Its applications keep the user in the request's ``context``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import WsgiPoint, serving_asgi, sources
from isolation_audit.integrations.building_blocks.requests_and_connections import RequestPoint, ThreadedPoint, point
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_WSGI: Final = "falcon.app:App.__call__"
_ASGI: Final = "falcon.asgi.app:App.__call__"
_ROUTING: Final = "falcon.app:App._get_responder"


class Falcon:
    """The integration."""

    distribution = "falcon"
    since = "4.0"
    packages = ("falcon",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Applications of both kinds, and what finds a responder."""
        if runtime.config.watch.contexts:
            yield Point(*point(ThreadedPoint, _WSGI, runtime))
            yield Point(*point(RequestPoint, _ASGI, runtime))
        yield Point(_WSGI, lambda layout: WsgiPoint(_WSGI, runtime, layout.argument("env")))
        yield Point(_ASGI, serving_asgi(_ASGI, runtime))
        yield Point(_ROUTING, lambda layout: RoutingPoint(runtime, layout))


class RoutingPoint(Interceptor):
    """Around what finds a responder: before the application's own code has run, but for middlewares."""

    place = _ROUTING

    def __init__(self, runtime: Runtime, layout: Layout) -> None:
        self._asked = "session" in runtime.part(sources).detect
        self._req = layout.argument("req")

    def before(self, values: Values) -> Any:
        """The request's context names the user from now on, whenever somebody sets that."""
        request = current_unit().request
        if request is None:
            return None
        req = self._req(values)
        if self._asked and request.session is None:
            request.session = _fields(getattr(req, "context", None))
        if request.inputs is not None:
            request.inputs.receive(Input(REQUEST, req, texts=_read))
        return request, req

    def after(self, state: Any, found: Any) -> None:
        """Which one it is."""
        request, req = state
        responder, _params, _resource, template = found
        request.routed(lambda: Endpoint(template, req.method, responder))


def _fields(context: Any) -> Any:
    """What a context holds: a dict by itself, or an object with attributes."""
    return context if type(context) is dict else getattr(context, "__dict__", None)


@request_texts.of_client
def _read(req: Any) -> Any:
    """What has been read of a request: Falcon keeps it in slots."""
    return [request_texts.of_object(req), getattr(req, "_media", None), getattr(req, "_params", None)]


integration = Falcon()
