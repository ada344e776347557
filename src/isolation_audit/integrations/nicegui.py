"""NiceGUI: whose a client is, by ``app.storage.user``, and its events, which come through its own Socket.IO server.

A page goes on living in closures and elements: what came in when it was built, and with earlier events of the same
client, explains what later events show.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import sources, tell
from isolation_audit.integrations.building_blocks.ui_events import EventServing, Pushed
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input, Inputs
from isolation_audit.model.owner_tags import drop_first
from isolation_audit.model.request_head import readable
from isolation_audit.model.requests import Request
from isolation_audit.model.sources import LOGIN, session_name
from isolation_audit.vocabulary.exits import exits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_PAGE: Final = "nicegui.storage:RequestTrackingMiddleware.dispatch"
_BUILT: Final = "nicegui.client:Client.build_response"
_EVENT: Final = "nicegui.client:Client.handle_event"
_AWAITED: Final = "nicegui.background_tasks:_await_in_context"
_OUTBOX: Final = "nicegui.outbox:Outbox"
_SESSIONS: Final = 10_000
"""Sessions that have named a user and are remembered for their logout."""


class NiceGUI:
    """The integration."""

    distribution = "nicegui"
    since = "3.18"
    packages = ("nicegui",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Pages, events, handlers that are awaited, and what they send to the browser."""
        storages = runtime.part(Storages)
        if "login" in runtime.part(sources).detect:
            yield Point(_PAGE, lambda layout: PagePoint(storages, layout))
        clients = Clients()
        yield Point(_BUILT, partial(BuiltPoint, clients))
        yield Point(_EVENT, partial(EventPoint, clients, storages))
        yield Point(_AWAITED, partial(AwaitedPoint, clients, storages, runtime))
        sinks = exits_of(runtime)
        if sinks is not None:
            for name, argument in (("enqueue_update", "element"), ("enqueue_message", "data")):
                place = f"{_OUTBOX}.{name}"
                yield Point(place, partial(PushPoint, place, clients, Pushed(sinks, runtime, place), argument))


class Storages:
    """What ``app.storage.user`` says of a session's user."""

    def __init__(self, runtime: Runtime) -> None:
        self._asked = "login" in runtime.part(sources).detect
        self._named: dict[str, None] = {}

    def tell(self, asked: Any) -> None:
        """Tell the running request whose the session of this request is; one that has named somebody was logged out."""
        scope = getattr(asked, "scope", None)
        session: Any = scope.get("session") if type(scope) is dict else None
        number = dict.get(session, "id") if issubclass(type(session), dict) else None
        if not self._asked or type(number) is not str:
            return
        found = session_name(_storage(number))
        if found is not None:
            if len(self._named) >= _SESSIONS:
                drop_first(self._named)
            self._named[number] = None
            tell(LOGIN, found[1])
        elif number in self._named:
            tell(LOGIN, None)


class Clients:
    """What has come in through each client so far, and which client an event is of."""

    def __init__(self) -> None:
        self._inputs: WeakKeyDictionary[Any, Inputs] = WeakKeyDictionary()
        self._of_event: WeakKeyDictionary[Request, tuple[Any, Any]] = WeakKeyDictionary()

    def built(self, client: Any) -> None:
        """Its page was built, in a request that is still running."""
        request = current_unit().request
        self._inputs[client] = Inputs(lasting=True)
        if request is not None and request.inputs is not None:
            self._keep(client, request.inputs)

    def begins(self, request: Request, client: Any, event: Any) -> None:
        """An event of it is handled in this unit."""
        self._of_event[request] = client, event
        known = self._inputs.get(client)
        if request.inputs is not None and known is not None:
            request.inputs.kept[:0] = known.kept

    def ends(self, request: Request) -> None:
        """The event was handled."""
        client, _event = self._of_event.get(request, (None, None))
        if client is not None and request.inputs is not None:
            self._keep(client, request.inputs)

    def of_event(self, request: Request | None) -> tuple[Any, Any]:
        """The client and the event of a unit, also when it is over; None twice for any other unit."""
        return (None, None) if request is None else self._of_event.get(request, (None, None))

    def _keep(self, client: Any, inputs: Inputs) -> None:
        kept = self._inputs.setdefault(client, Inputs(lasting=True))
        known = {id(one) for one in kept.kept}
        for one in list(inputs.kept):
            if id(one) not in known:
                kept.receive(one)


class PagePoint(Interceptor):
    """Around what serves one request of HTTP, with its session at hand."""

    place = _PAGE

    def __init__(self, storages: Storages, layout: Layout) -> None:
        self._storages = storages
        self._request = layout.argument("request")

    def before(self, values: Values) -> Any:
        """Whose session it is, from an earlier login."""
        request = self._request(values)
        self._storages.tell(request)
        return request

    def after(self, request: Any, _result: Any) -> None:
        """Whose it has become meanwhile."""
        self._storages.tell(request)


class BuiltPoint(Interceptor):
    """Around making the response of a page, when its function has run."""

    place = _BUILT

    def __init__(self, clients: Clients, layout: Layout) -> None:
        self._clients = clients
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Keep what has come in for the page's events."""
        self._clients.built(self._self_of(values))


class EventPoint(Interceptor):
    """Around the handling of one event, which Socket.IO has begun as a message."""

    place = _EVENT

    def __init__(self, clients: Clients, storages: Storages, layout: Layout) -> None:
        self._clients, self._storages = clients, storages
        self._self_of, self._event = layout.receiver_reader(), layout.argument("msg")

    def before(self, values: Values) -> Any:
        """It is the client's."""
        request = current_unit().request
        if request is None or request.ended:
            return None
        client = self._self_of(values)
        self._storages.tell(_request_of(client))
        self._clients.begins(request, client, self._event(values))
        return request, client

    def after(self, state: Any, _result: Any) -> None:
        """Its handler may have logged somebody in."""
        request, client = state
        self._storages.tell(_request_of(client))
        self._clients.ends(request)

    def failed(self, state: Any, _error: BaseException) -> None:
        """The same."""
        self.after(state, None)


class AwaitedPoint(EventServing):
    """Around a handler that is awaited in a task of its own: the message that has brought its event is over by then."""

    def __init__(self, clients: Clients, storages: Storages, runtime: Runtime, _layout: Layout) -> None:
        super().__init__(_AWAITED, runtime)
        self._clients, self._storages = clients, storages

    def before(self, values: Values) -> Any:  # noqa: ARG002 - the interceptor's form
        """Go on with the event as a unit of its own."""
        outer = current_unit().request
        client, event = self._clients.of_event(outer)
        if client is None:
            return None
        asked = _request_of(client)
        headers = asked.scope.get("headers") if asked is not None else None
        request = Request(self._sources, lambda: _decoded(headers), mark=event)
        begun = self._begin(request, outer, Input(REQUEST, event))
        self._storages.tell(asked)
        self._clients.begins(request, client, event)
        return begun

    def after(self, state: Any, result: Any) -> None:
        """It is done."""
        client, _event = self._clients.of_event(state[0])
        self._storages.tell(_request_of(client))
        self._clients.ends(state[0])
        super().after(state, result)

    def _count(self) -> None:
        """Its message was counted when it came."""

    def _count_named(self, *, named: bool) -> None:
        """The same."""


class PushPoint(Interceptor):
    """Around what hands an element, or a message, to the outbox of a client."""

    def __init__(self, place: str, clients: Clients, pushed: Pushed, argument: str, layout: Layout) -> None:
        self.place = place
        self._clients, self._pushed = clients, pushed
        self._self_of, self._payload = layout.receiver_reader(), layout.argument(argument)

    def before(self, values: Values) -> None:
        """Search it, where the client's own event sends it."""
        client, _event = self._clients.of_event(current_unit().request)
        if client is not None and vars(self._self_of(values))["_client"]() is client:
            payload = self._payload(values)
            self._pushed.told(payload if type(payload) is dict else _shown(payload))


def _storage(number: str) -> Any:
    """What ``app.storage.user`` is for a session; None before it was asked for."""
    app = getattr(sys.modules.get("nicegui.core"), "app", None)
    users = vars(getattr(app, "storage", object)).get("_users")
    return dict.get(users, number) if type(users) is dict else None


def _request_of(client: Any) -> Any:
    """The request that has built a client's page."""
    held = vars(client)
    return held.get("_request", held.get("request"))


def _shown(element: Any) -> Any:
    """What an element shows."""
    held = vars(element)
    return [held.get("_text"), list(dict.values(held.get("_props", {})))]


def _decoded(headers: Any) -> Iterator[tuple[str, str]]:
    for name, value in readable(headers):
        yield name.decode("latin-1"), value.decode("latin-1")


integration = NiceGUI()
