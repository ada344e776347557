"""Django: what views answer, before middlewares compress it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.probe import Interceptor
from isolation_audit.integrations.wsgi_responses import whole
from isolation_audit.mechanisms.responses import Asked
from isolation_audit.mechanisms.sinks import Sinks, code_of

if TYPE_CHECKING:
    from isolation_audit.instrument.layout import Layout, Values

ANSWERS: Final = tuple(
    f"django.core.handlers.base:BaseHandler.{name}" for name in ("_get_response", "_get_response_async")
)
"""Both find the view for a request, and call it."""


class AnswerPoint(Interceptor):
    """Around what finds and calls a view."""

    def __init__(self, place: str, sinks: Sinks, layout: Layout) -> None:
        self.place = place
        self._sinks = sinks
        self._request = layout.argument("request")

    def before(self, values: Values) -> Any:
        """Keep the request for the end."""
        return self._request(values)

    def after(self, request: Any, response: Any) -> None:
        """Search what the view has answered, unless it streams."""
        body = vars(response).get("_container")
        if body is None or self._sinks.user() is None:
            return
        view = getattr(request.resolver_match, "func", None)
        # A view of a class has a method for each method of HTTP.
        view = getattr(getattr(view, "view_class", None), request.method.lower(), view)
        asked = f"{request.path}?{request.META.get('QUERY_STRING', '')}"
        whole(self._sinks, self.place, response.items(), body, Asked(asked, code_of(view)))
