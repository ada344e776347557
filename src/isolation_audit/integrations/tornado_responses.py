"""Tornado: what its handlers answer, and which of them answers a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.answered import AnsweredRequest
from isolation_audit.instrument.work.routes import Endpoint

if TYPE_CHECKING:
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.vocabulary.exits import Exits, LeavingResponse

FLUSH: Final = "tornado.web:RequestHandler.flush"


class FlushPoint(Interceptor):
    """Around the sending of what a handler has written so far, before it is compressed."""

    place = FLUSH

    def __init__(self, sinks: Exits, layout: Layout) -> None:
        self._sinks = sinks
        self._self_of = layout.receiver_reader()
        self._last = layout.argument("include_footers")
        self._responses: WeakKeyDictionary[Any, LeavingResponse] = WeakKeyDictionary()

    def before(self, values: Values) -> None:
        """Search it."""
        handler = self._self_of(values)
        if self._sinks.user() is None or handler.request.method == "HEAD":
            return
        response = self._responses.get(handler)
        if response is None:
            told = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in handler._headers.get_all()]  # noqa: SLF001
            asked = AnsweredRequest(handler.request.uri, endpoint_of(handler))
            response = self._responses[handler] = self._sinks.response(FLUSH, told, asked)
            response.kept = self._sinks.shared_caches.answer(told, asked)
        response.chunk(b"".join(handler._write_buffer), last=bool(self._last(values)))  # noqa: SLF001


def endpoint_of(handler: Any) -> Endpoint:
    """What answers a request: the class of its handler, at the pattern of the path that its application has for it."""
    request = handler.request
    return Endpoint(
        _route(handler.application.default_router, type(handler), request.path), request.method, type(handler)
    )


def _route(router: Any, view: type, path: str) -> str | None:
    for rule in getattr(router, "rules", ()):
        if rule.target is view:
            regex = getattr(rule.matcher, "regex", None)
            if regex is not None and regex.match(path):
                return str(regex.pattern).removesuffix("$")
        else:
            found = _route(rule.target, view, path)
            if found is not None:
                return found
    return None
