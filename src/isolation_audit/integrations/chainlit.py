"""Chainlit: who has logged in, and callbacks of a chat, which run in tasks of their own.

Its messages come and go through python-socketio, which tells whose they are once the connection has logged in.
"""

from __future__ import annotations

import sys
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.resolve import Resolved
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import sources, tell
from isolation_audit.integrations.building_blocks.request_heads import wsgi_headers
from isolation_audit.integrations.building_blocks.ui_events import EventServing, as_they_are
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.requests import Request
from isolation_audit.model.sources import LOGIN
from isolation_audit.model.user_names import Name, field_of, plain_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_LOGIN: Final = "chainlit.auth:authenticate_user"
_WRAPPING: Final = "chainlit.utils:wrap_user_function"
_MESSAGES: Final = 1_000
"""Messages of one chat that are taken for inputs of the next."""


class Chainlit:
    """The integration."""

    distribution = "chainlit"
    since = "2.12"
    packages = ("chainlit",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What finds the user of a token, and what makes the application's functions callbacks."""
        if "login" in runtime.part(sources).detect:
            yield Point(_LOGIN, lambda _layout: UserPoint())
        yield Point(_WRAPPING, lambda _layout: WrappingPoint(runtime))


class UserPoint(Interceptor):
    """Around what finds the user of a token, for requests and for connections."""

    place = _LOGIN

    def before(self, values: Values) -> bool:  # noqa: ARG002 - the interceptor's form
        """Wait for the user."""
        return True

    def after(self, _state: Any, user: Any) -> None:
        """Tell the request."""
        tell(LOGIN, _name(user))


class WrappingPoint(Interceptor):
    """Around what makes a callback: each has a point of its own."""

    place = _WRAPPING

    def __init__(self, runtime: Runtime) -> None:
        self._places = runtime.places
        self._make = partial(CallbackPoint, runtime)

    def before(self, values: Values) -> bool:  # noqa: ARG002 - the interceptor's form
        """Wait for the callback."""
        return True

    def after(self, _state: Any, callback: Any) -> None:
        """Watch it."""
        if type(callback) is FunctionType:
            with self._places.on_behalf_of(self.place):
                self._places.callable(Resolved(type(self), "callback", callback, type(self)), self.place, self._make)


class CallbackPoint(EventServing):
    """Around a callback: a unit of its own where it runs in a task that has outlived its message."""

    def __init__(self, runtime: Runtime, layout: Layout) -> None:
        super().__init__(_WRAPPING, runtime)
        self._arguments = layout.varargs

    def before(self, values: Values) -> Any:
        """Go on with the chat's user, and with what its session holds."""
        session = _session()
        if session is None:
            return None
        held = [Input(REQUEST, one) for one in _held_by(session)]
        outer = current_unit().request
        if outer is not None and not outer.ended:
            if outer.inputs is not None:
                outer.inputs.kept += held
            return None
        environ = vars(session).get("environ") or {}
        request = Request(self._sources, lambda: wsgi_headers(environ), mark=session)
        given = None if self._arguments is None else [_texts(one) for one in values[self._arguments]]
        begun = self._begin(request, outer, Input(REQUEST, given), *held)
        name = _name(vars(session).get("user"))
        if name is not None and "login" in self._sources.detect:
            request.told(LOGIN, name)
        return begun

    def _count(self) -> None:
        """Its message was counted when it came."""

    def _count_named(self, *, named: bool) -> None:
        """The same."""


def _name(user: Any) -> Name | None:
    """What Chainlit calls a user: the identifier, beside which a stored one has an id."""
    identifier = plain_id(field_of(user, "identifier"))
    if identifier is None:
        return None
    number = plain_id(field_of(user, "id"))
    return Name(identifier, (), () if number is None else (number,))


def _session() -> Any:
    """The session of the chat that is running; None outside of one."""
    variable = getattr(sys.modules.get("chainlit.context"), "context_var", None)
    context = None if variable is None else variable.get(None)
    return None if context is None else vars(context).get("session")


def _held_by(session: Any) -> Iterator[Any]:
    """What the user's session holds, and the chat's messages so far."""
    number = vars(session).get("id")
    sessions = getattr(sys.modules.get("chainlit.user_session"), "user_sessions", {})
    yield as_they_are(sessions.get(number))
    chats = getattr(sys.modules.get("chainlit.chat_context"), "chat_contexts", {})
    yield [_texts(one) for one in (chats.get(number) or ())[-_MESSAGES:]]


def _texts(value: Any) -> Any:
    """What a message says; anything else as it is."""
    held = getattr(value, "__dict__", None)
    return [held.get(name) for name in ("content", "metadata", "payload", "value")] if type(held) is dict else value


integration = Chainlit()
