"""Gradio: events of its queue, each the work of whoever has sent it, and what they push to the browser.

Pages, logins and events that are sent without the queue are requests of FastAPI. A queued event runs later, in a task
of the queue's own; what it gives goes out through a stream that the browser has opened before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.ui_events import EventServing, Pushed, as_they_are
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.request_head import readable
from isolation_audit.model.requests import Request
from isolation_audit.model.sources import DEPENDENCY, LOGIN
from isolation_audit.model.user_names import Name, name_of
from isolation_audit.vocabulary.exits import exits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_HANDLING: Final = "gradio.queueing:Queue.process_events"
_SENDING: Final = "gradio.queueing:Queue.send_message"
_TOLD: Final = ("output", "log")
"""What a message of an event has from the application."""


class Gradio:
    """The integration."""

    distribution = "gradio"
    since = "6.31"
    packages = ("gradio",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What works on an event of the queue, and what tells the browser of it."""
        yield Point(_HANDLING, lambda layout: EventPoint(runtime, layout))
        sinks = exits_of(runtime)
        if sinks is not None:
            pushed = Pushed(sinks, runtime, _SENDING)
            yield Point(_SENDING, lambda layout: MessagePoint(pushed, layout))


class EventPoint(EventServing):
    """Around the work on one event, or on several that the queue has put together."""

    def __init__(self, runtime: Runtime, layout: Layout) -> None:
        super().__init__(_HANDLING, runtime)
        self._self_of, self._events = layout.receiver_reader(), layout.argument("events")

    def before(self, values: Values) -> Any:
        """Begin a unit; one that works for several users is nobody's."""
        events = self._events(values)
        scopes = [scope for event in events if (scope := _scope_of(event)) is not None]
        alone = scopes[0] if len(events) == len(scopes) == 1 else None
        headers = () if alone is None else alone.get("headers")
        request = Request(self._sources, lambda: _decoded(headers), scope=alone, mark=events)
        fn = getattr(events[0], "fn", None) if events else None
        request.routed(lambda: Endpoint(getattr(fn, "api_name", None) or None, None, getattr(fn, "fn", None)))
        inputs = [Input(REQUEST, scope, texts=request_texts.of_asgi) for scope in scopes]
        inputs += [Input(REQUEST, getattr(event.data, "data", None)) for event in events]
        inputs += [Input(REQUEST, as_they_are(state)) for state in self._states(values, events)]
        begun = self._begin(request, current_unit().request, *inputs)
        for event in events:
            self._tell(request, event)
        request.user()
        return begun

    def _states(self, values: Values, events: Any) -> Iterator[Any]:
        """What the sessions hold that the events come from: ``gr.State``."""
        holder = getattr(getattr(self._self_of(values), "server_app", None), "state_holder", None)
        sessions = getattr(holder, "session_data", {})
        for event in events:
            yield getattr(dict.get(sessions, event.session_hash), "state_data", None)

    def _tell(self, request: Request, event: Any) -> None:
        """Whose event it is; its page was told the same by FastAPI's dependency."""
        detect = self._sources.detect
        name = name_of(event.username)
        if isinstance(name, Name) and "dependency" in detect:
            request.told(DEPENDENCY, name)
        elif "login" in detect:
            person = name_of(_logged_in(_scope_of(event)))
            if isinstance(person, Name):
                request.told(LOGIN, person)


class MessagePoint(Interceptor):
    """Around what puts a message on the stream of an event's browser."""

    place = _SENDING

    def __init__(self, pushed: Pushed, layout: Layout) -> None:
        self._pushed, self._message = pushed, layout.argument("event_message")

    def before(self, values: Values) -> None:
        """Search it, while the event is worked on."""
        told = [vars(self._message(values)).get(name) for name in _TOLD]
        if any(told):
            self._pushed.told(told)


def _scope_of(event: Any) -> dict[str, Any] | None:
    """The ASGI scope of the request that has sent it, in which the session is."""
    scope = getattr(event.request, "scope", None)
    return scope if type(scope) is dict else None


def _logged_in(scope: Any) -> Any:
    """Who has logged in with ``gr.LoginButton``; None where nobody has."""
    session: Any = None if scope is None else scope.get("session")
    info = dict.get(session, "oauth_info") if issubclass(type(session), dict) else None
    return info.get("userinfo") if type(info) is dict else None


def _decoded(headers: Any) -> Iterator[tuple[str, str]]:
    for name, value in readable(headers):
        yield name.decode("latin-1"), value.decode("latin-1")


integration = Gradio()
