"""Tornado: requests, whose they are by ``current_user`` and signed cookies, what it answers, and its WebSockets."""

from __future__ import annotations

import sys
from functools import partial
from json import dumps
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.analysis.foreign_json import value_in
from isolation_audit.analysis.frames import package_of
from isolation_audit.content import request_texts
from isolation_audit.instrument.barrier import raised_by_signal
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.resolve import find, function_of
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.connections import BEFORE, CLOSED, RECEIVED, Connections
from isolation_audit.integrations.building_blocks.http_request import Serving, sources
from isolation_audit.integrations.building_blocks.requests_and_connections import HomePoint, RootPoint, point
from isolation_audit.integrations.building_blocks.session_cookies import SettingPoint, are_learned
from isolation_audit.integrations.tornado_responses import FLUSH, FlushPoint, endpoint_of
from isolation_audit.model.contexts import change_unit, current_unit
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.kept_users import SESSION_KEYS
from isolation_audit.model.requests import Request
from isolation_audit.vocabulary.exits import exits_of
from isolation_audit.vocabulary.work import ContextsOfWork

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

WEBSOCKET: Final = "tornado.websocket:WebSocketHandler"
_HANDLER: Final = "tornado.web:RequestHandler"
_HANDLING: Final = f"{_HANDLER}._execute"
_MAKING: Final = "tornado.web:_HandlerDelegate.execute"
_PROTOCOL: Final = "tornado.websocket:WebSocketProtocol13"
_ABORT: Final = "tornado.websocket:WebSocketProtocol._abort"
_TEXT: Final = 1
_MESSAGES: Final = (_TEXT, 2)
"""The opcodes of texts and of bytes."""
_LOGIN_COOKIES: Final = ("_user", "_username", "_user_id")
"""What names of signed cookies that hold a user end in, beside those that are one of ``SESSION_KEYS``."""


class Tornado:
    """The integration."""

    distribution = "tornado"
    since = "6.1"
    packages = ("tornado",)
    lasting = ("/tornado/websocket.py",)
    departures = ("tornado.websocket:WebSocketClosedError", "tornado.iostream:StreamClosedError")

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What makes a handler and runs it, in a task of its own; what it answers; what goes through a WebSocket."""
        if runtime.config.watch.contexts:
            # Before the others: they tell whose the request is, and it must have been nobody's until then.
            began: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
            yield Point(*point(HomePoint, "tornado.tcpserver:TCPServer.add_sockets", runtime))
            yield Point(_MAKING, partial(MakingPoint, began, runtime))
            yield Point(_HANDLING, partial(TaskPoint, began, runtime))
        yield Point(_HANDLING, partial(HandlingPoint, runtime))
        if "session" in runtime.part(sources).detect:
            for name in ("get_secure_cookie", "get_signed_cookie", "set_secure_cookie", "set_signed_cookie"):
                yield Point(f"{_HANDLER}.{name}", partial(CookiePoint, f"{_HANDLER}.{name}"))
        if are_learned(runtime):
            yield Point(FLUSH, _setting_cookies)
        sinks = exits_of(runtime)
        if sinks is not None:
            yield Point(FLUSH, partial(FlushPoint, sinks))
        connections = Connections(WEBSOCKET, runtime)
        yield Point(f"{_PROTOCOL}._handle_message", partial(MessagePoint, connections, runtime))
        yield Point(f"{_PROTOCOL}._receive_frame_loop", partial(OpenedPoint, connections))
        yield Point(f"{WEBSOCKET}.write_message", partial(SendPoint, connections))
        yield Point(f"{WEBSOCKET}.close", partial(ClosePoint, connections))
        yield Point(_ABORT, partial(AbortPoint, connections))


class MakingPoint(Interceptor):
    """Around the making of a handler, in the task of its connection: ``initialize`` may set a user there already."""

    place = _MAKING

    def __init__(self, began: WeakKeyDictionary[Any, Any], runtime: Runtime, layout: Layout) -> None:
        self._began = began
        self._native = runtime.listener(ContextsOfWork).native
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Note the user whom the connection has before that."""
        self._began[self._self_of(values).request] = self._native()


class TaskPoint(RootPoint):
    """Around the task that runs a handler."""

    def __init__(self, began: WeakKeyDictionary[Any, Any], runtime: Runtime, layout: Layout) -> None:
        super().__init__(_HANDLING, runtime)
        self._began = began
        self._self_of = layout.receiver_reader()
        self.inherited = self._of_connection

    def _of_connection(self, values: Values) -> Any:
        """The user whom its connection had before ``initialize`` set one."""
        return self._began.pop(self._self_of(values).request, None)


class HandlingPoint(Serving):
    """Around the handling of one request, from ``prepare`` to the end of what is answered."""

    def __init__(self, runtime: Runtime, layout: Layout) -> None:
        super().__init__(_HANDLING, runtime)
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Begin a request."""
        handler = self._self_of(values)
        lasting = str(handler.request.headers.get("Upgrade", "")).lower() == "websocket"
        request = _request(self._sources, handler, own_task_only=lasting)
        return self._begin(request, current_unit().request, *_inputs(handler), at_once=True)


class CookiePoint(Interceptor):
    """Around what reads and sets a signed cookie: one that is named for users says who has logged in."""

    def __init__(self, place: str, layout: Layout) -> None:
        self.place = place
        self._name = layout.argument("name")
        self._value = layout.argument("value") if ":RequestHandler.set" in place else None

    def before(self, values: Values) -> Any:
        """Keep the name, and what is set, for the end."""
        name = self._name(values)
        if type(name) is not str or not (name in SESSION_KEYS or name.endswith(_LOGIN_COOKIES)):
            return None
        return name, None if self._value is None else self._value(values)

    def after(self, state: Any, result: Any) -> None:
        """Show it to the request as its session."""
        request = current_unit().request
        name, given = state
        value = _plain(given if self._value is not None else result)
        if request is not None and value is not None:
            request.session = {name if name in SESSION_KEYS else "user": value}


def _setting_cookies(layout: Layout) -> SettingPoint:
    handler_of = layout.receiver_reader()

    def headers_of(values: Values) -> list[tuple[str, str]]:
        # They become headers in this call, unless an earlier one has sent them.
        fields = vars(handler_of(values))
        new = None if fields.get("_headers_written") else fields.get("_new_cookie")
        if not new:
            return []
        return [*fields["_headers"].items(), *(("set-cookie", morsel.OutputString()) for morsel in new.values())]

    return SettingPoint(FLUSH, headers_of)


class MessagePoint(Serving):
    """Around the handling of one frame; a message is a piece of work, which may go on in a task of its own."""

    counted = ""  # the connection counts it

    def __init__(self, connections: Connections, runtime: Runtime, layout: Layout) -> None:
        super().__init__(f"{_PROTOCOL}._handle_message", runtime)
        self._connections = connections
        self._barrier = runtime.barrier
        self._self_of = layout.receiver_reader()
        self._opcode, self._data = layout.argument("opcode"), layout.argument("data")
        self._receiver = None  # what comes in through a message is the connection's

    def before(self, values: Values) -> Any:
        """Begin; None for the protocol's own frames, and for those that a client of Tornado's receives."""
        handler = self._self_of(values).handler
        if self._opcode(values) not in _MESSAGES or not _is_server(handler):
            return None
        outer = current_unit().request
        request = _request(self._sources, handler)
        begun = self._begin(request, outer, at_once=True)
        if outer is not None and outer.inputs is not None:
            request.inputs = outer.inputs
            data = self._data(values)
            request.inputs.receive(
                Input(REQUEST, data.decode("utf-8", "replace") if self._opcode(values) == _TEXT else data)
            )
        return handler, begun

    def after(self, state: Any, result: Any) -> None:
        """End, or wait for the task that goes on with it."""
        done = getattr(result, "done", None)
        if done is None or done():
            self._end(state)
            return
        change_unit(request=state[1][1])
        result.add_done_callback(partial(self._end_behind_barrier, state))

    def _end_behind_barrier(self, state: Any, _done: Any) -> None:
        # An event loop calls it: there is no probe to hold back what goes wrong.
        change_unit(request=state[1][0])
        try:
            self._end(state)
        except Exception as error:
            if raised_by_signal(error):
                raise
            self._barrier.fault(self.place, error)

    def _end(self, state: Any) -> None:
        handler, begun = state
        self._connections.received(handler, self._connections.of(handler))
        begun[0].inputs = None
        super().after(begun, None)


class _SocketPoint(Interceptor):
    """Around a method of a WebSocket's handler, or of its protocol."""

    def __init__(self, connections: Connections, layout: Layout) -> None:
        self._connections = connections
        self._layout = layout
        self._self_of = layout.receiver_reader()


class OpenedPoint(_SocketPoint):
    """Around the loop that receives, after ``open``."""

    place = f"{_PROTOCOL}._receive_frame_loop"

    def before(self, values: Values) -> None:
        """Note the user."""
        handler = self._self_of(values).handler
        if _is_server(handler):
            connection = self._connections.of(handler)
            connection.opened = True
            self._connections.bind(handler, connection)


class SendPoint(_SocketPoint):
    """Around ``write_message``."""

    place = f"{WEBSOCKET}.write_message"

    def before(self, values: Values) -> None:
        """Compare with the connection's user."""
        handler = self._self_of(values)
        connection = self._connections.of(handler)
        if handler.ws_connection is not None:
            message = self._layout.argument("message")(values)
            if type(message) is dict:
                message = dumps(
                    message, default=lambda _other: None, ensure_ascii=False
                )  # as it is about to be written
            self._connections.sent(connection, message)
        elif connection.end:
            self._connections.unready(connection, connection.end)
        elif handler._on_close_called:  # noqa: SLF001
            self._connections.unready(connection, RECEIVED)
        elif handler.get_status() != 101:
            self._connections.unready(connection, BEFORE)


class ClosePoint(_SocketPoint):
    """Around ``close``."""

    place = f"{WEBSOCKET}.close"

    def before(self, values: Values) -> None:
        """Note the end, and tell of 1011."""
        handler = self._self_of(values)
        connection = self._connections.of(handler)
        if handler.ws_connection is not None and not connection.end:
            self._connections.closing(connection, self._layout.optional("code")(values))
            connection.end = CLOSED


class AbortPoint(_SocketPoint):
    """Around the end of a connection that Tornado itself gives up."""

    place = _ABORT

    def before(self, values: Values) -> None:
        """Tell of what the application's handlers have raised; frames that are none are the client's fault."""
        handler, error = self._self_of(values).handler, sys.exc_info()[1]
        if error is not None and _is_server(handler) and _passed_application(error):
            self._connections.failing(self._connections.of(handler), error)


class _Told(dict[str, Any]):
    """What a handler has for its user, read as the scope of an ASGI application is."""

    def __init__(self, handler: Any) -> None:
        super().__init__()
        self._fields = vars(handler)
        self._kept_in = _kept_in(type(handler))

    def get(self, name: str, default: Any = None) -> Any:
        """The user that the handler has been asked for, or was given: it is not asked by this."""
        if name != "user":
            return default
        return _plain(next((self._fields[field] for field in self._kept_in if field in self._fields), None))


def _kept_in(kind: type) -> tuple[str, ...]:
    """The fields in which a handler may have its user: Tornado's, or what a ``current_user`` of its own reads."""
    found = find(kind, "current_user")[1]
    getter = function_of(found)
    own = () if getter is None or getter.__module__ == "tornado.web" else getter.__code__.co_names
    names = [name for name in own if name.endswith("user") and name != "get_current_user"]
    return (*names, "_current_user")


def _request(asked: Any, handler: Any, *, own_task_only: bool = False) -> Request:
    headers = handler.request.headers
    return Request(
        asked,
        lambda: ((name.lower(), value) for name, value in headers.get_all()),
        scope=_Told(handler),
        own_task_only=own_task_only,
        endpoint_of=lambda: endpoint_of(handler),
        query=lambda: handler.request.query,
    )


def _head(handler: Any) -> tuple[str, str, str]:
    fields = vars(handler.request)
    return str(fields.get("method") or ""), str(fields.get("path") or ""), str(fields.get("query") or "")


@request_texts.with_head(_head)
def _texts(handler: Any) -> Any:
    """What came with a request."""
    fields = vars(handler.request)
    return [fields.get("uri"), fields.get("path"), list(fields["headers"].get_all())]


@request_texts.of_client
def _body(handler: Any) -> Any:
    """The body, which is there before the handler begins, but for handlers that take it in parts."""
    return vars(handler.request).get("body") or None


def _inputs(handler: Any) -> tuple[Input, Input]:
    return Input(REQUEST, handler, texts=_texts), Input(REQUEST, handler, texts=_body)


def _plain(value: Any) -> Any:
    """A user as applications keep one in a cookie: a text, or JSON."""
    if type(value) is bytes:
        value = value.decode("utf-8", "replace")
    if type(value) is str and value[:1] in ('"', "{"):
        return value_in(value)
    return value


def _is_server(handler: Any) -> bool:
    """False for what Tornado's own client has in the place of a handler."""
    return "application" in vars(handler)


def _passed_application(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if package_of(trace.tb_frame.f_code.co_filename) != "tornado":
            return True
        trace = trace.tb_next
    return False


integration = Tornado()
