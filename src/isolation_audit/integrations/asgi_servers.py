"""What integrations of ASGI servers share: the messages that applications send, before they are framed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.content.secrets import Version
from isolation_audit.instrument.probe import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.asgi_routes import endpoint_of
from isolation_audit.integrations.session_cookies import answered, are_learned, in_headers
from isolation_audit.model.scopes import request_variable, sink_variable
from isolation_audit.rules.content.egress import Egress, Passing, PassingPoint, egress_of
from isolation_audit.rules.content.pushes import PUSHED
from isolation_audit.rules.content.responses import Asked, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.requests import Request
    from isolation_audit.rules.routes import Endpoint


_HEADS: Final = ("http.response.start", "websocket.accept")


def sending(runtime: Runtime, targets: tuple[str, ...], connection: str = "self") -> Iterator[Point]:
    """Points around the methods of a server that take an application's messages.

    The argument ``connection`` stands for one connection or request. Its ASGI scope is its ``scope``, or else that of
    the request which is served.
    """
    sinks = egress_of(runtime)
    learns = are_learned(runtime)
    for target in targets:
        if sinks is not None:
            yield Point(target, partial(SendPoint, target, sinks, learns, connection))
        elif learns:
            yield Point(target, partial(HeadPoint, target))


class HeadPoint(Interceptor):
    """Around the ``send`` of one connection or request: which cookies its head sets."""

    def __init__(self, place: str, layout: Layout) -> None:
        self.place = place
        self._message = layout.argument("message")

    def before(self, values: Values) -> None:
        """Tell the request."""
        message_of = self._message
        message = message_of(values)
        if type(message) is dict and message.get("type") in _HEADS:
            answered(in_headers(message.get("headers") or ()))


class SendPoint(PassingPoint):
    """Around the ``send`` of one connection or request: its cookies, where somebody ``learns`` them, and its body."""

    def __init__(self, place: str, sinks: Egress, learns: bool, connection: str, layout: Layout) -> None:
        self.place = place
        self._sinks = sinks
        self._learns = learns
        self._self_of = layout.receiver_reader() if connection == "self" else layout.argument(connection)
        self._message = layout.argument("message")
        self._heads: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        """Headers of responses of which nothing was sent yet."""
        self._responses: WeakKeyDictionary[Any, Response] = WeakKeyDictionary()

    def before(self, values: Values) -> Passing | None:
        """Search it; what the server makes of it below is not searched again."""
        message_of = self._message
        message = message_of(values)
        if type(message) is not dict and not issubclass(type(message), Mapping):
            return None
        kind = message.get("type")
        if kind == "websocket.send" and not Version.number:
            return None  # nobody looks at it below either
        if self._learns and kind in _HEADS:
            cookies = in_headers(message.get("headers") or ())
            if cookies:
                answered(cookies)
        above: Passing | None = sink_variable.get()
        if above is not None and not above.over:
            return None
        if kind == "websocket.send":
            self._sinks.secrets(message.get("text") or message.get("bytes"), self.place, PUSHED)
        elif kind == "http.response.start":
            self._heads[self._self_of(values)] = message.get("headers", ())
        elif kind == "http.response.body":
            last, body = not message.get("more_body", False), message.get("body", b"")
            if issubclass(type(body), bytes):
                self._body(self._self_of(values), body, last=last)
        below = Passing()
        sink_variable.set(below)
        return below

    def _body(self, server: Any, body: bytes, *, last: bool) -> None:
        """The next part of a body; one that a framework has searched as a whole comes by here once more."""
        head = self._heads.pop(server, None)
        if head is not None:
            asked = AskedOfScope(_scope_of(server))
            # Only here the head is what leaves: whatever is around a framework's application may have changed it.
            kept = self._sinks.shared_caches.answer(head, asked)
            if last and self._sinks.was_searched_here(body):
                user = None if kept is None else self._sinks.user()
                if kept is not None and user is not None:
                    kept.part(body, user, last=True)
                return
            self._responses[server] = begun = Response(self._sinks, self.place, head, asked)
            begun.kept = kept
        # What was asked for goes with the last part: the server's object may live as long as the connection.
        response = self._responses.pop(server, None) if last else self._responses.get(server)
        if response is not None:
            response.chunk(body, last=last)


def _scope_of(connection: Any) -> Any:
    scope = getattr(connection, "scope", None)
    if scope is not None:
        return scope
    request: Request | None = request_variable.get()
    return {} if request is None or request.scope is None else request.scope


class AskedOfScope(Asked):
    """What a request of an ASGI scope asks for, and of whom, where a router has said so; read when it is wanted."""

    __slots__ = ("_scope",)
    _scope: Any

    def __init__(self, scope: Any) -> None:
        object.__setattr__(self, "_scope", scope)

    @property
    def asked(self) -> str:
        """Path and query."""
        return f"{self._scope.get('path', '')}?{self._scope.get('query_string', b'').decode('latin-1')}"

    @property
    def endpoint(self) -> Endpoint:
        """What answers."""
        return endpoint_of(self._scope)
