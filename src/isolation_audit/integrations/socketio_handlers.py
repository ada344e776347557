"""python-socketio: each handler is work for the user of its session id, as far as sessions and headers have told."""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.probe import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.http_request import Serving, sources, wsgi_headers
from isolation_audit.model.requests import Request
from isolation_audit.model.scopes import request_variable
from isolation_audit.model.sources import NEVER, session_name
from isolation_audit.model.user_names import Name
from isolation_audit.model.users import plain_text
from isolation_audit.rules.provenance.inputs import REQUEST, Input, Receiver, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime


class Known:
    """Session id -> what was told of its user, and by what; bounded by the sessions that end, and by a limit."""

    def __init__(self, runtime: Runtime) -> None:
        self._told: dict[str, tuple[int, Name]] = {}
        self._limit = runtime.config.limits.bindings
        self._bindings = runtime.bindings

    def of(self, sid: str) -> tuple[int, Name] | None:
        """What was told of this session id."""
        return self._told.get(sid)

    def keep(self, sid: str, rank: int, name: Name) -> None:
        """Something was told."""
        self._told[sid] = (rank, name)
        if len(self._told) > self._limit:
            self._told.pop(next(iter(self._told)), None)
            self._bindings.evicted += 1

    def forget(self, sid: str) -> None:
        """The client has left."""
        self._told.pop(sid, None)


def handlers(runtime: Runtime, servers: tuple[str, ...]) -> Iterator[Point]:
    """Points around the handlers of each kind of server, and around what they say of their users."""
    detect = runtime.part(sources).detect
    for server in servers:
        yield Point(f"{server}._trigger_event", lambda layout: HandlerPoint(layout, runtime))
        if "session" in detect:
            yield Point(f"{server}.save_session", lambda layout: SessionPoint(layout, runtime))
        inputs = receiver(runtime)
        if inputs is not None:
            yield Point(f"{server}.get_session", partial(SessionInputPoint, inputs))


class HandlerPoint(Serving):
    """Around one handler; what it learns of its user holds for the later ones of the same session id."""

    def __init__(self, layout: Layout, runtime: Runtime) -> None:
        super().__init__("python-socketio's handlers", runtime)
        self._known = runtime.part(Known)
        self._event = layout.argument("event")
        self._arguments = itemgetter(layout.varargs)

    def before(self, values: Values) -> Any:
        """Begin. A handler gets the session id first, and ``connect`` the environment of its request second."""
        arguments, event = self._arguments(values), self._event(values)
        sid = plain_text(arguments[0]) if arguments else None
        if sid is None:
            return None
        environ = arguments[1] if event == "connect" and len(arguments) > 1 else None
        headers = environ if type(environ) is dict else {}
        request = Request(self._sources, lambda: wsgi_headers(headers), mark=sid)
        known = self._known.of(sid)
        if known is not None:
            request.told(*known)
        told = Input(REQUEST, arguments[1:])
        return sid, event == "disconnect", self._begin(request, request_variable.get(), told)

    def _count(self) -> None:
        """A handler is called for one message."""
        self._tally.messages += 1

    def _count_named(self, *, named: bool) -> None:
        """It has ended; ``named`` where somebody has told whose it was."""
        self._tally.messages_named += named

    def after(self, state: Any, result: Any) -> None:
        """End, and remember."""
        sid, leaving, served = state
        rank, user = served[0].rank, served[0].user()
        if leaving:
            self._known.forget(sid)
        elif user is not None:
            self._known.keep(sid, rank, Name(user.id))
        elif rank != NEVER:
            self._known.forget(sid)  # logged out, or two users in one message: the next one has to say who it is
        super().after(served, result)


class SessionInputPoint(Interceptor):
    """Around ``get_session``: what a client's session holds comes in with its messages."""

    place = "python-socketio's sessions"

    def __init__(self, inputs: Receiver, _layout: Layout) -> None:
        self._receive = inputs.receive

    def before(self, _values: Values) -> bool:
        """Wait for it."""
        return True

    def after(self, _state: Any, session: Any) -> None:
        """Keep it."""
        self._receive(Input(REQUEST, session))


class SessionPoint(Interceptor):
    """Around ``save_session``."""

    place = "python-socketio's sessions"

    def __init__(self, layout: Layout, runtime: Runtime) -> None:
        self._known = runtime.part(Known)
        self._sid, self._session = layout.argument("sid"), layout.argument("session")

    def before(self, values: Values) -> None:
        """Note what the session says of its user; where it is the running handler's own, that handler's, too."""
        sid, told = plain_text(self._sid(values)), session_name(self._session(values))
        if sid is None or told is None:
            return
        self._known.keep(sid, *told)
        request: Request | None = request_variable.get()
        if request is not None and request.mark == sid:
            request.told(*told)
