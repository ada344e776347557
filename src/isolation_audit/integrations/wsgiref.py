"""wsgiref: where the requests to any WSGI application begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import serving_requests
from isolation_audit.integrations.building_blocks.requests_and_connections import ThreadedPoint, point

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime

_SERVING: Final = "wsgiref.handlers:BaseHandler.run"


class Wsgiref:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What serves one request."""
        if runtime.config.watch.contexts:
            yield Point(*point(ThreadedPoint, _SERVING, runtime))
        yield Point(_SERVING, serving_requests(_SERVING, runtime))


integration = Wsgiref()
