"""gunicorn: where the requests to any WSGI application begin and end, and what is written for them.

Workers of uvicorn's under it are watched as uvicorn is. Its own for ASGI are only sighted.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.answered import AnsweredRequest
from isolation_audit.instrument.work.routes import Endpoint, code_of
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import ParsedPoint
from isolation_audit.integrations.building_blocks.requests_and_connections import ThreadedPoint, point
from isolation_audit.integrations.building_blocks.wsgi_servers import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import CodeType

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations.building_blocks.wsgi_servers import Described

_SERVING: Final = (
    "gunicorn.workers.sync:SyncWorker.handle_request",
    "gunicorn.workers.gthread:ThreadWorker.handle_request",
)
_LOAD: Final = "gunicorn.workers.base:Worker.load_wsgi"


class Gunicorn:
    """The integration."""

    distribution = "gunicorn"
    since = "20.1"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What serves one request, in both kinds of workers, and what writes its body."""
        for target in _SERVING:
            if runtime.config.watch.contexts:
                yield Point(*point(ThreadedPoint, target, runtime))
            yield Point(target, _serving(target, runtime))
        application = Application()
        yield Point(_LOAD, partial(LoadPoint, application))
        yield from writing(runtime, "gunicorn.http.wsgi:Response", ("write", "arg"), "close", application.describe)


class Application:
    """What is served: a worker has one application, and a process is one worker."""

    code: CodeType | None = None

    def describe(self, answer: Any) -> Described:
        """Headers and request of one of its responses."""
        return answer.headers, AnsweredRequest(unquote(answer.req.uri), Endpoint(None, answer.req.method, self.code))


class LoadPoint(Interceptor):
    """Around the loading of the application."""

    place = _LOAD

    def __init__(self, application: Application, layout: Layout) -> None:
        self._application = application
        self._worker_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Keep the worker for the end."""
        return self._worker_of(values)

    def after(self, worker: Any, _result: Any) -> None:
        """Note what makes the responses."""
        self._application.code = code_of(vars(worker).get("wsgi"))


def _serving(target: str, runtime: Runtime) -> Callable[[Layout], ParsedPoint]:
    def make(layout: Layout) -> ParsedPoint:
        request_of = layout.argument("req")

        def headers_of(values: Values) -> Callable[[], Iterable[tuple[str, str]]]:
            return partial(_headers, request_of(values))

        return ParsedPoint(target, runtime, headers_of)

    return make


def _headers(request: Any) -> list[tuple[str, str]]:
    found = []
    for name, value in request.headers:  # a comprehension would be one more call
        found.append((name.lower(), value))
    return found


integration = Gunicorn()
