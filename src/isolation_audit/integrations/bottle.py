"""Bottle: whose its requests are, and which view answers them; its responses are sent by the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import serving_wsgi
from isolation_audit.integrations.building_blocks.requests_and_connections import ThreadedPoint, point
from isolation_audit.model.contexts import current_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_APPLICATION: Final = "bottle:Bottle.wsgi"


class Bottle:
    """The integration."""

    distribution = "bottle"
    since = "0.12"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The application."""
        if runtime.config.watch.contexts:
            yield Point(*point(ThreadedPoint, _APPLICATION, runtime))
        yield Point(_APPLICATION, serving_wsgi(_APPLICATION, runtime))
        yield Point(_APPLICATION, RoutePoint)


class RoutePoint(Interceptor):
    """Around the application: the request that is being served can tell its view from here on."""

    place = _APPLICATION

    def __init__(self, layout: Layout) -> None:
        self._environ = layout.argument("environ")

    def before(self, values: Values) -> None:
        """Nothing is looked up before a finding has to name it."""
        request = current_unit().request
        if request is not None:
            environ = self._environ(values)
            request.routed(lambda: endpoint_of(environ))


def endpoint_of(environ: Any) -> Endpoint:
    """What Bottle has found for a request; it leaves the route in the environment."""
    route, method = environ.get("bottle.route"), environ.get("REQUEST_METHOD")
    found = {} if route is None else vars(route)
    return Endpoint(found.get("rule"), method, found.get("callback"))


integration = Bottle()
