"""aiohttp: requests to its server, WebSockets, and the sessions and logins of its companions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.aiohttp_responses import answering, endpoint_of
from isolation_audit.integrations.building_blocks.connections import Connections
from isolation_audit.integrations.building_blocks.http_request import Serving, sources
from isolation_audit.integrations.building_blocks.logins import returning
from isolation_audit.integrations.building_blocks.requests_and_connections import HomePoint, RootPoint, point
from isolation_audit.integrations.building_blocks.session_cookies import SettingPoint, are_learned
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.requests import Request
from isolation_audit.vocabulary.exits import exits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

WEBSOCKET: Final = "aiohttp.web_ws:WebSocketResponse"
_HANDLING: Final = "aiohttp.web_protocol:RequestHandler._handle_request"
_HEAD: Final = "aiohttp.web_response:StreamResponse._write_headers"
_MESSAGES: Final = (1, 2)
"""What ``WSMsgType`` calls a text and bytes."""
_LOGIN: Final = "aiohttp_security.api:authorized_userid"


class Aiohttp:
    """The integration of the server."""

    distribution = "aiohttp"
    since = "3.9.0"
    packages = ("aiohttp",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What handles a request, in a task of its own; what it answers; what goes through a WebSocket either way."""
        if runtime.config.watch.contexts:
            # Before the others: they tell whose the request is, and it must have been nobody's until then.
            yield Point(*point(HomePoint, "aiohttp.web_runner:BaseRunner.setup", runtime))
            yield Point(*point(RootPoint, _HANDLING, runtime))
        yield Point(_HANDLING, partial(HandlingPoint, runtime))
        if are_learned(runtime):
            yield Point(_HEAD, _setting_cookies)
        sinks = exits_of(runtime)
        if sinks is not None:
            yield from answering(sinks)
        if runtime.config.watch.addressees:
            yield from _websockets(runtime)


class AiohttpSession:
    """The integration of aiohttp-session."""

    distribution = "aiohttp-session"
    since = "2.9"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Where a request gets its session."""
        if "session" in runtime.part(sources).detect:
            for name in ("get_session", "new_session"):
                target = f"aiohttp_session:{name}"
                yield Point(target, partial(SessionPoint, target))


class AiohttpSecurity:
    """The integration of aiohttp-security."""

    distribution = "aiohttp-security"
    since = "0.4"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What says who is logged in."""
        if "login" in runtime.part(sources).detect:
            yield Point(_LOGIN, returning(_LOGIN))


class HandlingPoint(Serving):
    """Around the handling of one request, from the middlewares to the end of what is answered."""

    def __init__(self, runtime: Runtime, layout: Layout) -> None:
        super().__init__(_HANDLING, runtime)
        self._request_of = layout.argument("request")

    def before(self, values: Values) -> Any:
        """Begin a request; what middlewares keep in it is read as the scope of an ASGI application is."""
        asked = self._request_of(values)
        headers, kept = asked.headers, vars(asked).get("_state")
        # A connection lasts, and what it starts on its way may well outlive its purpose and work for others.
        lasting = str(headers.get("Upgrade", "")).lower() == "websocket"
        request = Request(
            self._sources,
            lambda: ((name.lower(), value) for name, value in headers.items()),
            scope=kept if type(kept) is dict else None,
            own_task_only=lasting,
            endpoint_of=lambda: endpoint_of(asked),
            query=lambda: asked.query_string,
        )
        request.namespace = request.scope
        inputs = Input(REQUEST, asked, texts=_texts), Input(REQUEST, asked, texts=request_texts.of_object)
        return self._begin(request, current_unit().request, *inputs, at_once=True)


def _setting_cookies(layout: Layout) -> SettingPoint:
    answer_of = layout.receiver_reader()
    return SettingPoint(_HEAD, lambda values: vars(answer_of(values))["_headers"].items())


@request_texts.with_head(lambda asked: (asked.method, asked.path, asked.query_string))
def _texts(asked: Any) -> Any:
    """The head of a request."""
    return [asked.path_qs, asked.path, dict(asked.headers)]


class SessionPoint(Interceptor):
    """Around what gives a handler its session."""

    def __init__(self, place: str, _layout: Layout) -> None:
        self.place = place

    def before(self, _values: Values) -> bool:
        """The session comes at the end."""
        return True

    @staticmethod
    def after(_state: Any, session: Any) -> None:
        """Show its content to the request, past the session's own ways, which note that it was changed."""
        request = current_unit().request
        if request is not None:
            request.session = vars(session).get("_mapping")


def _websockets(runtime: Runtime) -> Iterator[Point]:
    """``send_json`` is one of the others below."""
    connections = Connections(WEBSOCKET, runtime)
    for name, kind in (
        ("send_str", SendPoint),
        ("send_bytes", SendPoint),
        ("prepare", UsePoint),
        ("receive", ReceivePoint),
    ):
        yield Point(f"{WEBSOCKET}.{name}", partial(kind, f"{WEBSOCKET}.{name}", connections))


class UsePoint(Interceptor):
    """Around what only a connection's own user's work does: the handshake."""

    def __init__(self, place: str, connections: Connections, layout: Layout) -> None:
        self.place = place
        self._connections = connections
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Keep the WebSocket for the end."""
        return self._self_of(values)

    def after(self, state: Any, _result: Any) -> None:
        """Note the user."""
        self._connections.bind(state, self._connections.of(state))


class ReceivePoint(UsePoint):
    """Around ``receive``."""

    def after(self, state: Any, result: Any) -> None:
        """Note the user, and count what is a message and no sign of the protocol's own."""
        connection = self._connections.of(state)
        if getattr(result, "type", None) in _MESSAGES:
            self._connections.received(state, connection, getattr(result, "data", None))
        else:
            self._connections.bind(state, connection)


class SendPoint(UsePoint):
    """Around ``send_str`` and ``send_bytes``."""

    def __init__(self, place: str, connections: Connections, layout: Layout) -> None:
        super().__init__(place, connections, layout)
        self._data = layout.argument("data")

    def before(self, values: Values) -> Any:
        """Compare with the connection's user."""
        connection = self._connections.known(super().before(values))
        if connection is not None:
            self._connections.sent(connection, self._data(values))


integration = Aiohttp()
session = AiohttpSession()
security = AiohttpSecurity()
