"""CherryPy: whose its requests are, and which page handler answers them; its responses are sent by the server.

The user is what a login has left on the request, or what its session says.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import serving_wsgi, sources, tell
from isolation_audit.integrations.building_blocks.requests_and_connections import ThreadedPoint, point
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.sources import LOGIN
from isolation_audit.model.user_names import Unresolved, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_APPLICATION: Final = "cherrypy._cptree:Application.__call__"
_RUN: Final = "cherrypy._cprequest:Request.run"
_HANDLER: Final = "cherrypy._cpdispatch:PageHandler.__call__"
_SESSION: Final = "cherrypy.lib.sessions:Session.load"

_USERS: Final = ("user", "currentuser", "current_user")
"""Where applications keep the object of whoever is logged in, beside ``login``, which has the name or the key."""


class CherryPy:
    """The integration."""

    distribution = "CherryPy"
    since = "18.8"
    packages = ("cherrypy",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Applications, the requests and page handlers in them, and sessions that are read."""
        if runtime.config.watch.contexts:
            yield Point(*point(ThreadedPoint, _APPLICATION, runtime))
        yield Point(_APPLICATION, serving_wsgi(_APPLICATION, runtime))
        detect = runtime.part(sources).detect
        yield Point(_RUN, partial(RunPoint, "login" in detect))
        yield Point(_HANDLER, partial(HandlerPoint, "login" in detect))
        if "session" in detect:
            yield Point(_SESSION, SessionPoint)


class RunPoint(Interceptor):
    """Around CherryPy's own request, in which its tools and the page handler run."""

    place = _RUN

    def __init__(self, asked: bool, layout: Layout) -> None:
        self._asked = asked
        self._request_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """What it has read is an input, and what is noted in it may name the user."""
        request = current_unit().request
        if request is None:
            return None
        own = self._request_of(values)
        request.namespace = vars(own)
        if request.inputs is not None:
            request.inputs.receive(Input(REQUEST, own, texts=_read))
        return vars(own) if self._asked else None

    def after(self, noted: Any, _result: Any) -> None:
        """Tell who was logged in meanwhile."""
        tell_user(noted)

    def failed(self, noted: Any, _error: BaseException) -> None:
        """The same."""
        tell_user(noted)


class HandlerPoint(Interceptor):
    """Around the call of a page handler: the tools have run that log users in."""

    place = _HANDLER

    def __init__(self, asked: bool, layout: Layout) -> None:
        self._asked = asked
        self._handler_of = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Which one it is."""
        request = current_unit().request
        if request is not None and type(request.namespace) is dict:
            noted, handler = request.namespace, self._handler_of(values)
            request.routed(lambda: endpoint_of(noted, handler))
            if self._asked:
                tell_user(noted)


class SessionPoint(Interceptor):
    """Around the loading of a session: it holds its data from then on."""

    place = _SESSION

    def __init__(self, layout: Layout) -> None:
        self._session_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Keep it for the end of the call."""
        return self._session_of(values)

    @staticmethod
    def after(session: Any, _result: Any) -> None:
        """Show its data to the request."""
        request = current_unit().request
        if request is not None:
            request.session = vars(session).get("_data")


def tell_user(noted: dict[str, Any]) -> None:
    """Tell whom a login has left on CherryPy's request: an object of the user's says more than the key beside it."""
    login = noted.get("login")
    if not login:
        return
    objects = [noted[name] for name in _USERS if noted.get(name) is not None]
    for person in (*objects, login):
        name = name_of(person)
        if name is not None and not isinstance(name, Unresolved):
            tell(LOGIN, name)
            return


def endpoint_of(noted: dict[str, Any], handler: Any) -> Endpoint:
    """The page handler, and its path without what of the path it takes as arguments."""
    route: Any = noted.get("path_info")
    arguments: Any = noted.get("args")
    if type(route) is str and (type(arguments) is list or type(arguments) is tuple) and arguments:
        steps = route.rstrip("/").split("/")
        route = "/".join([*steps[: -len(arguments)], *["{}"] * len(arguments)])
    return Endpoint(route, noted.get("method"), vars(handler).get("callable"))


@request_texts.of_client
def _read(own: Any) -> Any:
    """What has been read of a request: its query and form, and JSON."""
    fields = vars(own)
    return [fields.get("params"), fields.get("json")]


integration = CherryPy()
