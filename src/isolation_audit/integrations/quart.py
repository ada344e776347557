"""Quart: requests and their sessions, its WebSockets, and the logins of Quart-Auth. Its servers see what it answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.connections import Connections
from isolation_audit.integrations.building_blocks.http_request import noted_in, serving_asgi, sources
from isolation_audit.integrations.building_blocks.logins import SomebodyPoint
from isolation_audit.integrations.building_blocks.requests_and_connections import RequestPoint, point
from isolation_audit.integrations.building_blocks.sockets import (
    AcceptSocketPoint,
    CloseSocketPoint,
    ReceiveSocketPoint,
    SendSocketPoint,
)
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

WEBSOCKET: Final = "quart.wrappers.websocket:Websocket"
_APPLICATION: Final = "quart.app:Quart.__call__"
_CONTEXTS: Final = ("quart.ctx:_BaseRequestWebsocketContext._push", "quart.ctx:AppContext.push")
"""The context of a request or a WebSocket; from 0.23 on it is the application's, too."""
_USER: Final = "quart_auth.extension:QuartAuth"


class Quart:
    """The integration."""

    distribution = "Quart"
    since = "0.22"
    packages = ("quart",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The application, the place where the session is opened, and what goes through a WebSocket."""
        if runtime.config.watch.contexts:
            yield Point(*point(RequestPoint, _APPLICATION, runtime))
        yield Point(_APPLICATION, serving_asgi(_APPLICATION, runtime))
        for place in _CONTEXTS:
            yield Point(place, partial(ContextPoint, place))
        connections = Connections(WEBSOCKET, runtime)
        for name, kind in (
            ("accept", AcceptSocketPoint),
            ("receive", ReceiveSocketPoint),
            ("send", SendSocketPoint),
            ("close", CloseSocketPoint),
        ):
            yield Point(f"{WEBSOCKET}.{name}", partial(kind, f"{WEBSOCKET}.{name}", connections))


class QuartAuth:
    """The integration of Quart-Auth."""

    distribution = "Quart-Auth"
    since = "0.12"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What finds out who is logged in, and what logs in."""
        if "login" in runtime.part(sources).detect:
            yield Point(f"{_USER}.resolve_user", lambda _layout: SomebodyPoint(f"{_USER}.resolve_user", _resolved))
            yield Point(f"{_USER}.login_user", _logging_in)


class ContextPoint(Interceptor):
    """Around the beginning of Quart's own context of a request or a WebSocket, in the task of its handler."""

    def __init__(self, place: str, layout: Layout) -> None:
        self.place = place
        self._context_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Keep the context for the end of the call."""
        return self._context_of(values)

    @staticmethod
    def after(context: Any, _result: Any) -> None:
        """Show the session to the request, which knows its view from here on."""
        request = current_unit().request
        fields = vars(context)
        asked = fields.get("request_websocket") or fields.get("_request") or fields.get("_websocket")
        if request is None or asked is None or fields.get("_push_count", 1) != 1:
            return
        if request.lasting:
            request.moves()
            request.goes_on_here()
        application = fields["app"]
        request.session = fields.get("session", fields.get("_session"))
        request.namespace = noted_in("quart")
        request.routed(lambda: endpoint_of(application, asked))
        if request.inputs is not None:
            request.inputs.receive(Input(REQUEST, asked, texts=request_texts.of_object))
            # As it came: what the work puts into it later is none of its inputs.
            request.inputs.receive(Input(REQUEST, dict(request.session or ())))


def endpoint_of(application: Any, asked: Any) -> Endpoint:
    """What Quart has found for a request."""
    rule = vars(asked).get("url_rule")
    view = None if rule is None else application.view_functions.get(rule.endpoint)
    return Endpoint(getattr(rule, "rule", None), asked.method, view)


def _id(user: Any) -> Any:
    return vars(user).get("_auth_id")


def _resolved(_values: Values, user: Any) -> Any:
    return _id(user)


def _logging_in(layout: Layout) -> SomebodyPoint:
    user_of = layout.argument("user")
    return SomebodyPoint(f"{_USER}.login_user", lambda values, _result: _id(user_of(values)))


integration = Quart()
auth = QuartAuth()
