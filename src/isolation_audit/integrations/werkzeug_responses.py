"""Werkzeug, and Flask on top of it: whole responses where they leave the application."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.answered import AnsweredRequest
from isolation_audit.instrument.work.routes import Endpoint, current_endpoint
from isolation_audit.integrations.building_blocks.wsgi_responses import whole

if TYPE_CHECKING:
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.vocabulary.exits import Exits

RESPONSE: Final = "werkzeug.wrappers.response:Response.__call__"


class ResponsePoint(Interceptor):
    """Around the call of a response."""

    place = RESPONSE

    def __init__(self, sinks: Exits, layout: Layout) -> None:
        self._sinks = sinks
        self._self_of = layout.receiver_reader()
        self._environ = layout.argument("environ")

    def before(self, values: Values) -> None:
        """Search it."""
        response, environ = self._self_of(values), self._environ(values)
        user = self._sinks.user()
        if user is None:
            return
        asked = f"{environ.get('PATH_INFO', '')}?{environ.get('QUERY_STRING', '')}"
        whole(
            self._sinks,
            RESPONSE,
            response.headers.items(),
            response.response,
            AnsweredRequest(asked, _endpoint(environ)),
            user,
        )


def _endpoint(environ: Any) -> Endpoint | None:
    """What answers the running request: what is known of it, else what Flask has found."""
    known = current_endpoint()
    if known is not None and known.view is not None:
        return known
    flask = sys.modules.get("flask")
    if flask is None or not flask.has_app_context():
        return None
    return endpoint_of(flask.current_app, environ)


def endpoint_of(application: Any, environ: Any) -> Endpoint:
    """What an application of Flask's has found for a request; it leaves the request in the environment."""
    request = environ.get("werkzeug.request")
    rule = None if request is None else vars(request).get("url_rule")
    method = environ.get("REQUEST_METHOD")
    if rule is None:
        return Endpoint(None, method)
    return Endpoint(rule.rule, method, application.view_functions.get(rule.endpoint))
