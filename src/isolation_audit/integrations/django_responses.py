"""Django: what views answer, before middlewares compress it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.answered import AnsweredRequest
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations.building_blocks.wsgi_responses import whole
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.model.inputs import REQUEST, Input

if TYPE_CHECKING:
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.vocabulary.exits import Exits

ANSWERS: Final = tuple(
    [f"django.core.handlers.base:BaseHandler.{name}" for name in ("_get_response", "_get_response_async")]
)
"""Both find the view for a request, and call it."""


class AnswerPoint(Interceptor):
    """Around what finds and calls a view."""

    def __init__(self, place: str, sinks: Exits, layout: Layout) -> None:
        self.place = place
        self._sinks = sinks
        self._request = layout.argument("request")

    def before(self, values: Values) -> Any:
        """Keep the request for the end; what it reads of its body is an input."""
        request, inputs = self._request(values), current_inputs()
        if inputs is not None:
            inputs.receive(Input(REQUEST, request, texts=request_texts.of_object))
        return request

    def after(self, request: Any, response: Any) -> None:
        """Search what the view has answered, unless it streams."""
        body = vars(response).get("_container")
        reader = None if body is None else self._sinks.reader()
        if reader is None:
            return
        asked = f"{request.path}?{request.META.get('QUERY_STRING', '')}"
        whole(self._sinks, self.place, response.items(), body, AnsweredRequest(asked, endpoint_of(request)), reader)


class RoutePoint(Interceptor):
    """Around the same: the request that is being served can tell its view from here on."""

    def __init__(self, place: str, layout: Layout) -> None:
        self.place = place
        self._request = layout.argument("request")

    def before(self, values: Values) -> None:
        """Nothing is looked up before a finding has to name it."""
        served = current_unit().request
        if served is not None:
            request = self._request(values)
            served.namespace = vars(request)  # middlewares, and Django Ninja, note there whom a token belongs to
            served.routed(lambda: endpoint_of(request))


def endpoint_of(request: Any) -> Endpoint:
    """What the URL resolver has found for a request."""
    match = vars(request).get("resolver_match")
    route = getattr(match, "route", None)
    if type(route) is not str:
        return Endpoint(None, request.method, getattr(match, "func", None))
    return Endpoint(route if route.startswith(("/", "^")) else f"/{route}", request.method, match.func)
