"""Flask: requests and their sessions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import receiver
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import noted_in, serving_wsgi, sources
from isolation_audit.integrations.building_blocks.requests_and_connections import ThreadedPoint, point
from isolation_audit.integrations.building_blocks.session_cookies import Headers, MadePoint, are_learned
from isolation_audit.integrations.werkzeug_responses import endpoint_of
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_APPLICATION: Final = "flask.app:Flask.wsgi_app"
_ANSWER: Final = "flask.app:Flask.process_response"
_SETTINGS: Final = ("SESSION_COOKIE_NAME", "REMEMBER_COOKIE_NAME")
_CONTEXT: Final = "flask.ctx:RequestContext.push"


class Flask:
    """The integration."""

    distribution = "Flask"
    since = "2.2"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The application, and the place where the session is opened."""
        if runtime.config.watch.contexts:
            yield Point(*point(ThreadedPoint, _APPLICATION, runtime))
        detect = runtime.part(sources).detect
        yield Point(_APPLICATION, serving_wsgi(_APPLICATION, runtime))
        yield Point(_APPLICATION, RoutePoint)
        if are_learned(runtime):
            yield Point(_ANSWER, partial(MadePoint, _ANSWER, headers_of=partial(_headers_of, runtime)))
        if "session" in detect or receiver(runtime) is not None:
            yield Point(_CONTEXT, SessionPoint)


class RoutePoint(Interceptor):
    """Around the application: the request that is being served can tell its view from here on."""

    place = _APPLICATION

    def __init__(self, layout: Layout) -> None:
        self._application_of = layout.receiver_reader()
        self._environ = layout.argument("environ")

    def before(self, values: Values) -> None:
        """Nothing is looked up before a finding has to name it."""
        request = current_unit().request
        if request is not None:
            application, environ = self._application_of(values), self._environ(values)
            request.routed(lambda: endpoint_of(application, environ))


class SessionPoint(Interceptor):
    """Around the beginning of Flask's own request context, which opens the session."""

    place = _CONTEXT

    def __init__(self, layout: Layout) -> None:
        self._context_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Keep the context for the end of the call."""
        return self._context_of(values)

    @staticmethod
    def after(context: Any, _result: Any) -> None:
        """Show the session to the request; past its property, which notes that it was read."""
        request = current_unit().request
        if request is not None:
            fields = vars(context)
            request.session = fields.get("_session", fields.get("session"))
            request.namespace = noted_in("flask")
            request.attributes = vars(fields["request"])
            request.attributes_size = len(request.attributes)
            if request.inputs is not None:
                request.inputs.receive(Input(REQUEST, fields.get("request"), texts=request_texts.of_object))
                # As it came: what the work puts into it later is none of its inputs.
                request.inputs.receive(Input(REQUEST, dict(request.session or ())))


def _headers_of(runtime: Runtime, application: Any, response: Any) -> Headers:
    """The headers of a response; the application says under which names it keeps sessions."""
    config, learned = vars(application).get("config"), runtime.part(sources).learned
    if issubclass(type(config), dict):
        for setting in _SETTINGS:
            learned.session_cookie(dict.get(config, setting))
    return list(response.headers)


integration = Flask()
