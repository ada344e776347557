"""cheroot, CherryPy's server: where requests to any WSGI application begin and end, and what is written for them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.work.answered import AnsweredRequest
from isolation_audit.instrument.work.routes import Endpoint, code_of
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import WsgiPoint
from isolation_audit.integrations.building_blocks.requests_and_connections import ThreadedPoint, point
from isolation_audit.integrations.building_blocks.wsgi_servers import Bodies, PartPoint, WholePoint
from isolation_audit.vocabulary.exits import exits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations.building_blocks.wsgi_servers import Described

_SERVING: Final = "cheroot.wsgi:Gateway.respond"
_WRITING: Final = "cheroot.wsgi:Gateway.write"


class Cheroot:
    """The integration."""

    distribution = "cheroot"
    since = "8.6"
    packages = ("cheroot",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What serves one request, and what writes its body."""
        if runtime.config.watch.contexts:
            yield Point(*point(ThreadedPoint, _SERVING, runtime))
        yield Point(_SERVING, lambda layout: WsgiPoint(_SERVING, runtime, _environ_of(layout), server=True))
        sinks = exits_of(runtime)
        if sinks is not None:
            bodies = Bodies(sinks, _WRITING, describe)
            yield Point(_WRITING, partial(PartPoint, bodies, "chunk"))
            yield Point(_SERVING, partial(WholePoint, bodies, _SERVING))


def _environ_of(layout: Layout) -> Callable[[Values], Any]:
    gateway_of = layout.receiver_reader()
    return lambda values: vars(gateway_of(values)).get("env")


def describe(gateway: Any) -> Described:
    """Headers and request of one response."""
    environ, request = gateway.env, gateway.req
    headers = [(str(name, "latin-1"), str(value, "latin-1")) for name, value in request.outheaders]
    asked = f"{environ.get('PATH_INFO', '')}?{environ.get('QUERY_STRING', '')}"
    made_by = code_of(request.server.wsgi_app)
    return headers, AnsweredRequest(asked, Endpoint(None, environ.get("REQUEST_METHOD"), made_by))


integration = Cheroot()
