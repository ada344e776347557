"""waitress: where the requests to any WSGI application begin and end, and what is written for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.boundaries import ThreadedPoint, point
from isolation_audit.integrations.serving import ParsedPoint, sources
from isolation_audit.integrations.wsgi_servers import writing
from isolation_audit.mechanisms.responses import Asked
from isolation_audit.mechanisms.sinks import code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from isolation_audit.instrument.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations.wsgi_servers import Described

_TASK: Final = "waitress.task:Task"
_SERVING: Final = f"{_TASK}.service"


class Waitress:
    """The integration."""

    distribution = "waitress"
    since = "2.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What serves one request, and what writes its body."""
        if runtime.config.watch.contexts:
            yield Point(*point(ThreadedPoint, _SERVING, runtime))
        if runtime.part(sources).detect:
            yield Point(_SERVING, lambda layout: _serving(layout, runtime))
        yield from writing(runtime, _TASK, ("write", "data"), "finish", _describe)


def _serving(layout: Layout, runtime: Runtime) -> ParsedPoint:
    task_of = layout.receiver_reader()

    def headers_of(values: Values) -> Callable[[], Iterable[tuple[str, str]]]:
        headers = task_of(values).request.headers
        return lambda: ((name.replace("_", "-").lower(), value) for name, value in headers.items())

    return ParsedPoint(_SERVING, runtime, headers_of)


def _describe(task: Any) -> Described:
    asked = f"{task.request.path}?{task.request.query}"
    return task.response_headers, Asked(asked, code_of(task.channel.server.application))


integration = Waitress()
