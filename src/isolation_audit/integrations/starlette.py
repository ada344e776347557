"""Starlette and FastAPI: WebSockets, and the applications that serve them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import receiver
from isolation_audit.integrations import Point, Replacement
from isolation_audit.integrations.building_blocks.connections import (
    BEFORE,
    CLOSED,
    RECEIVED,
    REFUSED,
    Connection,
    Connections,
)
from isolation_audit.integrations.building_blocks.http_request import serving_asgi, sources
from isolation_audit.integrations.building_blocks.requests_and_connections import (
    AnswerPoint,
    HandingPoint,
    RequestPoint,
    point,
)
from isolation_audit.integrations.building_blocks.session_cookies import SettingPoint, are_learned
from isolation_audit.integrations.starlette_responses import RESPONSE, ResponsePoint, streaming
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.model.inputs import BYTES, LIMIT, REQUEST, Input
from isolation_audit.vocabulary.exits import exits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

WEBSOCKET = "starlette.websockets:WebSocket"
APPLICATION = "starlette.applications:Starlette.__call__"
SESSIONS = "starlette.middleware.sessions:SessionMiddleware.__init__"
REQUESTS = "starlette.requests:Request.__init__"
THREADED = "starlette.concurrency:run_in_threadpool"
ANSWERS = ("Response", "StreamingResponse", "FileResponse")


class Starlette:
    """The integration."""

    distribution = "starlette"
    since = "0.27"
    packages = ("starlette", "fastapi", "anyio")
    departures = ("starlette.websockets:WebSocketDisconnect",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point | Replacement]:
        """What goes through a WebSocket either way, and what leaves an application."""
        connections = Connections(WEBSOCKET, runtime)
        yield Point(f"{WEBSOCKET}.send", lambda layout: SendPoint(connections, layout, runtime))
        yield Point(f"{WEBSOCKET}.receive", lambda layout: ReceivePoint(connections, layout))
        if runtime.config.watch.contexts:
            yield Point(*point(RequestPoint, APPLICATION, runtime))
            yield Point(*point(HandingPoint, THREADED, runtime))
            for answer in ANSWERS[1:] if exits_of(runtime) is not None else ANSWERS:
                yield Point(*point(AnswerPoint, f"starlette.responses:{answer}.__call__", runtime))
        yield Point(APPLICATION, serving_asgi(APPLICATION, runtime))
        yield Point(APPLICATION, lambda layout: ApplicationPoint(connections, layout))  # in the request
        if are_learned(runtime):
            yield Point(SESSIONS, partial(SessionsPoint, runtime))
        if receiver(runtime) is not None:
            yield Point(REQUESTS, RequestObjectPoint)
        sinks = exits_of(runtime)
        if sinks is not None:
            learns = are_learned(runtime)
            yield Point(RESPONSE, lambda layout: ResponsePoint(sinks, layout, runtime, learns=learns))
            if learns:
                for answer in ANSWERS[1:]:
                    yield Point(f"starlette.responses:{answer}.__call__", partial(_setting_cookies, answer))
            yield from streaming(sinks)


def _kind(message: Any) -> Any:
    """The type of an ASGI message; None for what is none, which is the application's mistake and not a fault here."""
    kind = type(message)
    return message.get("type") if kind is dict or issubclass(kind, Mapping) else None


def _connection(connections: Connections, websocket: Any) -> Connection:
    known = connections.known(websocket)
    if known is not None:
        return known
    request = current_unit().request
    inside = request is not None and request.connection is not None and request.serves(websocket.scope)
    return connections.of(websocket, request.connection if inside and request is not None else None)


class SendPoint(Interceptor):
    """Around ``WebSocket.send``, which everything that leaves goes through: ``accept``, ``send_*``, ``close``."""

    place = f"{WEBSOCKET}.send"

    def __init__(self, connections: Connections, layout: Layout, runtime: Runtime) -> None:
        self._connections = connections
        # The records themselves: to ask for one of them would be one more call for each receiver.
        records = runtime.objects.records
        self._calls = layout.receiver_reader(), layout.argument("message"), records.get, connections.sent

    def before(self, values: Values) -> Any:
        """Compare what is sent with the state of the connection."""
        self_of, message_of, record_of, sent = self._calls
        websocket, message = self_of(values), message_of(values)
        record = record_of(id(websocket))
        connection = record.connection if record is not None and record() is websocket else None
        if connection is None:
            connection = _connection(self._connections, websocket)
        kind = message.get("type") if type(message) is dict else _kind(message)
        if kind == "websocket.send":
            # `_name_` is what the property `name` of an enumeration's member reads, at a fifth of its cost.
            state = websocket.application_state
            connected = state is websocket.client_state and state._name_ == "CONNECTED"
            when = "" if connected else _unready(websocket, connection)
            if when:
                self._connections.unready(connection, when)
            else:
                sent(connection, message.get("text") or message.get("bytes"))
        elif kind == "websocket.accept":
            connection.opened = True
            self._connections.bind(websocket, connection)
        elif kind == "websocket.close":
            opened = connection.opened or websocket.application_state._name_ == "CONNECTED"
            if opened and not connection.end:
                self._connections.closing(connection, message.get("code", 1000))
            connection.end = connection.end or CLOSED
        elif kind == "websocket.http.response.start":
            connection.end = REFUSED
        return websocket

    def failed(self, websocket: Any, _error: BaseException) -> None:
        """Note a client that has left: Starlette closes its own side without the application's having asked for it."""
        connection = _connection(self._connections, websocket)
        if not connection.end and websocket.application_state._name_ == "DISCONNECTED":
            connection.gone = True


def _unready(websocket: Any, connection: Connection) -> str:
    state = websocket.application_state._name_
    if state == "CONNECTED":
        return RECEIVED if websocket.client_state._name_ == "DISCONNECTED" else ""
    if state == "CONNECTING":
        return BEFORE
    if state == "RESPONSE":
        return REFUSED
    if websocket.client_state._name_ == "DISCONNECTED" and connection.end != CLOSED:
        return RECEIVED
    # A send that failed has closed this side as well, and the loop that receives may not have been told yet.
    return "" if connection.gone else CLOSED


class ReceivePoint(Interceptor):
    """Around ``WebSocket.receive``."""

    place = f"{WEBSOCKET}.receive"

    def __init__(self, connections: Connections, layout: Layout) -> None:
        self._connections = connections
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Keep the WebSocket for the end."""
        return self._self_of(values)

    def after(self, websocket: Any, message: Any) -> None:
        """Note the client's disconnect: from here on the application knows."""
        connection = _connection(self._connections, websocket)
        kind = _kind(message)
        if kind == "websocket.disconnect":
            connection.end = connection.end or RECEIVED
        elif kind == "websocket.receive":
            self._connections.received(websocket, connection, message.get("text") or message.get("bytes"))
        else:
            self._connections.bind(websocket, connection)


class ApplicationPoint(Interceptor):
    """Around the call of an application; of applications mounted in each other the outermost one counts.

    Its request has the connection: the first WebSocket object that is made for the same scope is that connection's.
    """

    place = APPLICATION

    def __init__(self, connections: Connections, layout: Layout) -> None:
        self._connections = connections
        self._scope = layout.argument("scope")

    def before(self, values: Values) -> Any:
        """Begin a connection; None for everything else, and for a part of one."""
        scope_of = self._scope
        scope = scope_of(values)
        if (scope.get("type") if type(scope) is dict else _kind(scope)) != "websocket":
            return None
        request = current_unit().request
        if request is None or request.connection is not None or not request.serves(scope):
            return None
        request.connection = Connection()
        return request, request.connection

    def after(self, state: Any, _result: Any) -> None:
        """The application is done."""
        request, _connection = state
        request.connection = None

    def failed(self, state: Any, error: BaseException) -> None:
        """An exception leaves the application: the server closes with 1011, or drops the connection."""
        self.after(state, None)
        self._connections.failing(state[1], error)


def _setting_cookies(answer: str, layout: Layout) -> SettingPoint:
    """In tests there is no server that sends it."""
    answer_of = layout.receiver_reader()
    target = f"starlette.responses:{answer}.__call__"
    return SettingPoint(target, lambda values: vars(answer_of(values)).get("raw_headers") or ())


class SessionsPoint(Interceptor):
    """Around the making of the middleware that keeps sessions."""

    place = SESSIONS

    def __init__(self, runtime: Runtime, layout: Layout) -> None:
        self._learned = runtime.part(sources).learned
        self._cookie = layout.argument("session_cookie")

    def before(self, values: Values) -> None:
        """Under which cookie it keeps them."""
        self._learned.session_cookie(self._cookie(values))


class RequestObjectPoint(Interceptor):
    """Around the making of a request object: what it reads of the body is an input of the request."""

    place = REQUESTS

    def __init__(self, layout: Layout) -> None:
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Keep it; it is read when it matters."""
        self_of = self._self_of
        unit = current_unit()
        request = unit.request
        # As a rule it is the request that is served here: what current_inputs() finds, without asking it.
        own = request is not None and request.inputs is not None and unit.given_by is None
        inputs = request.inputs if own and request is not None else current_inputs()
        if inputs is None:
            return
        made = Input(REQUEST, self_of(values), texts=request_texts.of_object)
        if inputs.lasting or inputs.rows >= LIMIT or inputs.bytes > BYTES:
            inputs.receive(made)
        else:  # the same, where there is room
            inputs.rows += 1
            inputs.kept.append(made)


integration = Starlette()
