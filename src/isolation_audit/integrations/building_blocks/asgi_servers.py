"""What integrations of ASGI servers share: the messages that applications send, before they are framed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.analysis.cache_policy import kept_for_all
from isolation_audit.content.secrets import Version
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.passing import Passing, PassingPoint, passing
from isolation_audit.instrument.work.answered import AnsweredRequest
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.asgi_routes import endpoint_of
from isolation_audit.integrations.building_blocks.session_cookies import answered, are_learned, in_headers
from isolation_audit.model.contexts import current_unit, sending_variable
from isolation_audit.model.request_head import readable
from isolation_audit.vocabulary.exits import PUSHED, Exits, LeavingResponse, exits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.work.routes import Endpoint
    from isolation_audit.model.requests import Request


_HEADS: Final = ("http.response.start", "websocket.accept")


def sending(runtime: Runtime, targets: tuple[str, ...], connection: str = "self") -> Iterator[Point]:
    """Points around the methods of a server that take an application's messages.

    The argument ``connection`` stands for one connection or request. Its ASGI scope is its ``scope``, or else that of
    the request which is served.
    """
    sinks = exits_of(runtime)
    learns = are_learned(runtime)
    for target in targets:
        if sinks is not None:
            yield Point(target, partial(_send_point, target, sinks, learns, connection))
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
            head = readable(message.get("headers"))
            answered(in_headers(head), head)


def _send_point(place: str, sinks: Exits, learns: bool, connection: str, layout: Layout) -> SendPoint:
    connection_of = layout.receiver_reader() if connection == "self" else layout.argument(connection)
    return SendPoint(place, sinks, learns, connection_of, layout.argument("message"))


class SendPoint(PassingPoint):
    """Around the ``send`` of one connection or request: its cookies, where somebody ``learns`` them, and its body."""

    def __init__(
        self,
        place: str,
        sinks: Exits,
        learns: bool,
        connection_of: Callable[[Values], Any],
        message_of: Callable[[Values], Any],
    ) -> None:
        self.place = place
        self._sinks = sinks
        self._learns = learns
        self._self_of = connection_of
        self._message = message_of
        self._exchanges: WeakKeyDictionary[Any, _Exchange] = WeakKeyDictionary()
        """Of servers' objects that send outside of the request that they were made for."""

    def before(self, values: Values) -> Passing | None:
        """Search it; what the server makes of it below is not searched again."""
        message_of = self._message
        message = message_of(values)
        if type(message) is not dict and not issubclass(type(message), Mapping):
            return None
        kind = message.get("type")
        if kind == "websocket.send":  # without secrets, nobody looks at it below either
            return self._pushed(message) if Version.number else None
        head = readable(message.get("headers")) if kind in _HEADS else None
        if self._learns and head is not None and (cookies := in_headers(head)):
            self._sinks.shared_caches.sets(cookies, AnsweredScope(_scope_of(self._self_of(values))))
            answered(cookies, head)
        above: Passing | None = sending_variable.get()
        if above is not None and not above.over:
            return None
        self_of = self._self_of
        server = self_of(values)
        request = current_unit().request
        if request is not None and request.server is not server and not (request.served and _is_of(server, request)):
            request = None  # another one's
        exchange = request or self._exchange(server)
        if kind == "http.response.start":
            exchange.answer_head = head
        else:
            self._answer(server, exchange, message)
        if request is not None and not Version.number:
            if request.server is None:
                request.server, request.transport = server, getattr(server, "transport", None)
            if request.transport is not None:
                return None  # what is written to it passes by for that, without a mark for each message
        below = Passing()
        sending_variable.set(below)
        return below

    def _pushed(self, message: Any) -> Passing | None:
        if passing():
            return None
        self._sinks.secrets(message.get("text") or message.get("bytes"), self.place, PUSHED)
        return Passing.begin()

    def _answer(self, server: Any, exchange: Request | _Exchange, message: Any) -> None:
        """The next part of a body; one that a framework has searched as a whole comes by once more."""
        last, body = not message.get("more_body", False), message.get("body", b"")
        if message.get("type") != "http.response.body" or not issubclass(type(body), bytes):
            return
        head, exchange.answer_head = exchange.answer_head, None
        if head is not None:
            searched = exchange.searched
            if last and ((searched is not None and searched[0] is body) or self._sinks.was_searched_here(body)):
                exchange.searched = None
                if kept_for_all(head) is not None:
                    self._kept(server, head, body)
                return
            asked = AnsweredScope(_scope_of(server))
            exchange.answer = begun = self._sinks.response(self.place, head, asked)
            # Only here the head is what leaves: whatever is around a framework's application may have changed it.
            begun.kept = self._sinks.shared_caches.answer(head, asked)
        response = exchange.answer
        if response is not None:
            if last:
                exchange.answer = None
            response.chunk(body, last=last)

    def _kept(self, server: Any, head: Any, body: bytes) -> None:
        """An answer that was searched already: caches that serve everybody may keep it."""
        kept, user = self._sinks.shared_caches.answer(head, AnsweredScope(_scope_of(server))), self._sinks.user()
        if kept is not None and user is not None:
            kept.part(body, user, last=True)

    def _exchange(self, server: Any) -> _Exchange:
        """What is known of the answer that a server's object sends."""
        found = self._exchanges.get(server)
        if found is None:
            found = self._exchanges[server] = _Exchange()
        return found


class _Exchange:
    """What a request keeps of its answer, where there is no request."""

    answer_head: Any = None
    answer: LeavingResponse | None = None
    searched: tuple[bytes, Any] | None = None


def _is_of(server: Any, request: Request) -> bool:
    """True where a server's object was made for this very request: another one's may be sent on as well."""
    scope = getattr(server, "scope", None)
    return type(scope) is dict and (scope is request.scope or scope.get("headers") is request.mark is not None)


def _scope_of(connection: Any) -> Any:
    scope = getattr(connection, "scope", None)
    if scope is not None:
        return scope
    request = current_unit().request
    return {} if request is None or request.scope is None else request.scope


class AnsweredScope(AnsweredRequest):
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
