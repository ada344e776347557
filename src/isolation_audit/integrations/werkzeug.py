"""werkzeug: where the requests to any WSGI application begin and end in its server, and its responses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import serving_requests
from isolation_audit.integrations.building_blocks.requests_and_connections import ThreadedPoint, point
from isolation_audit.integrations.werkzeug_responses import RESPONSE, ResponsePoint
from isolation_audit.vocabulary.exits import exits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime

_SERVING: Final = "werkzeug.serving:WSGIRequestHandler.run_wsgi"


class Werkzeug:
    """The integration."""

    distribution = "Werkzeug"
    since = "2.2"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What serves one request, and the call of a response, which begins to send it."""
        if runtime.config.watch.contexts:
            yield Point(*point(ThreadedPoint, _SERVING, runtime))
        sinks = exits_of(runtime)
        if sinks is not None:
            yield Point(RESPONSE, partial(ResponsePoint, sinks))
        yield Point(_SERVING, serving_requests(_SERVING, runtime))


integration = Werkzeug()
