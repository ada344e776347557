"""Starlette and FastAPI: whole responses where they leave the application, whatever serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.probe import Interceptor
from isolation_audit.integrations.asgi_servers import request_of
from isolation_audit.mechanisms.responses import Response

if TYPE_CHECKING:
    from isolation_audit.instrument.layout import Layout, Values
    from isolation_audit.mechanisms.sinks import Sinks

RESPONSE: Final = "starlette.responses:Response.__call__"


class ResponsePoint(Interceptor):
    """Around the call of a response that has its body; one that streams is seen in the server."""

    place = RESPONSE

    def __init__(self, sinks: Sinks, layout: Layout) -> None:
        self._sinks = sinks
        self._self_of = layout.receiver_reader()
        self._scope = layout.argument("scope")

    def before(self, values: Values) -> None:
        """Search the body, for the user of the innermost context."""
        response, scope = self._self_of(values), self._scope(values)
        body, user = response.body, self._sinks.user()
        if user is not None and type(body) is bytes and scope["type"] == "http":
            left = Response(self._sinks, RESPONSE, response.raw_headers, request_of(scope), outermost=True)
            left.chunk(body, last=True)
