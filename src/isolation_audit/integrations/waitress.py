"""waitress: where the requests to any WSGI application begin and end, and what is written for them."""

from __future__ import annotations

from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

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

_TASK: Final = "waitress.task:Task"
_SERVING: Final = f"{_TASK}.service"
_WRAP: Final = "waitress.proxy_headers:proxy_headers_middleware"


class Waitress:
    """The integration."""

    distribution = "waitress"
    since = "2.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What serves one request, and what writes its body."""
        if runtime.config.watch.contexts:
            yield Point(*point(ThreadedPoint, _SERVING, runtime))
        yield Point(_SERVING, lambda layout: _serving(layout, runtime))
        applications = Applications()
        yield Point(_WRAP, partial(WrapPoint, applications))
        yield from writing(runtime, _TASK, ("write", "data"), "finish", applications.describe)


class Applications:
    """The code of applications that waitress has put a function of its own around, by that function."""

    def __init__(self) -> None:
        self.codes: WeakKeyDictionary[Any, CodeType | None] = WeakKeyDictionary()

    def describe(self, task: Any) -> Described:
        """Headers and request of one response."""
        served, request = task.channel.server.application, task.request
        code = self.codes[served] if type(served) is FunctionType and served in self.codes else code_of(served)
        # Its own page for an error answers a request that was never parsed.
        asked = f"{getattr(request, 'path', '')}?{getattr(request, 'query', '')}"
        return task.response_headers, AnsweredRequest(asked, Endpoint(None, getattr(request, "command", None), code))


class WrapPoint(Interceptor):
    """Around what makes that function."""

    place = _WRAP

    def __init__(self, applications: Applications, layout: Layout) -> None:
        self._codes = applications.codes
        self._application = layout.argument("app")

    def before(self, values: Values) -> Any:
        """Keep the application for the end."""
        return self._application(values)

    def after(self, application: Any, wrapper: Any) -> None:
        """Note its code."""
        self._codes[wrapper] = code_of(application)


def _serving(layout: Layout, runtime: Runtime) -> ParsedPoint:
    task_of = layout.receiver_reader()

    def headers_of(values: Values) -> Callable[[], Iterable[tuple[str, str]]]:
        headers = task_of(values).request.headers
        return lambda: ((name.replace("_", "-").lower(), value) for name, value in headers.items())

    return ParsedPoint(_SERVING, runtime, headers_of)


integration = Waitress()
