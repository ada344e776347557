"""python-socketio: each handler is work for the user of its session id, as far as sessions and headers have told."""

from __future__ import annotations

from collections import deque
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import request_texts
from isolation_audit.content.credential_fields import brought_in
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import Receiver, receiver
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import Serving, sources
from isolation_audit.integrations.building_blocks.request_heads import wsgi_headers
from isolation_audit.model.contexts import change_unit, current_unit
from isolation_audit.model.inputs import REQUEST, Input, Inputs, itself
from isolation_audit.model.owner_tags import drop_first
from isolation_audit.model.requests import Request
from isolation_audit.model.sources import NEVER, session_name
from isolation_audit.model.user_names import Name
from isolation_audit.model.users import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User


_AUTH: Final = 2
"""The place of what a client logs in with, among the arguments of ``connect``."""

_GOING_ON: Final = 16
"""Handlers of one connection whose inputs are kept for what they have started."""


class Known:
    """Session id -> what was told of its user, and by what; bounded by the sessions that end, and by a limit.

    What came in for its latest handlers is kept as long: a handler may be over long before what it has started.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._told: dict[str, tuple[int, Name]] = {}
        self._inputs: dict[str, deque[Inputs]] = {}
        self._limit = runtime.config.limits.bindings
        self._bindings = runtime.bindings

    def of(self, sid: str) -> tuple[int, Name] | None:
        """What was told of this session id."""
        return self._told.get(sid)

    def keep(self, sid: str, rank: int, name: Name) -> None:
        """Something was told."""
        self._told[sid] = (rank, name)
        if len(self._told) > self._limit:
            drop_first(self._told)
            self._bindings.evicted += 1

    def keep_inputs(self, sid: str, inputs: Inputs) -> None:
        """A handler is over, and what it has started may go on."""
        kept = self._inputs.setdefault(sid, deque())
        kept.append(inputs)
        if len(kept) > _GOING_ON:
            kept.popleft().end()
        if len(self._inputs) > self._limit:
            self._end(next(iter(self._inputs)))

    def forget(self, sid: str) -> None:
        """Nothing is known of this session id any more."""
        self._told.pop(sid, None)

    def left(self, sid: str) -> None:
        """The client has left."""
        self.forget(sid)
        self._end(sid)

    def _end(self, sid: str) -> None:
        for inputs in self._inputs.pop(sid, ()):
            inputs.end()


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

    counted = "messages"

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
        if event == "connect" and len(arguments) > _AUTH:
            request.brings(brought_in(arguments[_AUTH]))
        known = self._known.of(sid)
        if known is not None:
            request.told(*known)
        words = itself if event == "connect" else request_texts.of_message
        begun = self._begin(request, current_unit().request, Input(REQUEST, arguments[1:], texts=words))
        change_unit(given_by=request.inputs)
        return sid, event == "disconnect", begun

    def after(self, state: Any, result: Any) -> None:
        """End, and remember."""
        sid, leaving, served = state
        rank, user = served[0].rank, served[0].user()
        if user is not None and not leaving:
            self._known.keep(sid, rank, Name(user.id))
        elif served[0].name is not None and not leaving:
            self._known.keep(sid, rank, served[0].name)  # it has become another's: the next message is theirs
        elif rank != NEVER:
            self._known.forget(sid)  # logged out
        self._leave(served[0], user)
        super().after(served, result)
        if leaving:
            self._known.left(sid)

    def _leave(self, request: Request, user: User | None) -> None:
        """What the handler has started may go on, with what has come in for it."""
        request.settle_waiting()
        inputs, request.inputs = request.inputs, None
        if inputs is None:
            return
        self._known.keep_inputs(str(request.mark), inputs)
        if current_unit().given_by is inputs:
            change_unit(given_by=None)
        if user is not None:
            inputs.user = user
            self._words.learn(inputs, user)
            self._latest.ended(user, request.endpoint(), inputs)


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
        request = current_unit().request
        if request is not None and request.mark == sid:
            request.told(*told)
