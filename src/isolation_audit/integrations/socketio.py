"""python-socketio: whose a session id is, and who receives what its servers emit."""

from __future__ import annotations

import sys
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import beneath
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.reading.callsites import writes
from isolation_audit.instrument.stacks import capture
from isolation_audit.instrument.work.session_users import SessionUsers
from isolation_audit.integrations import Point
from isolation_audit.integrations.socketio_handlers import handlers
from isolation_audit.model.contexts import change_unit, current_unit
from isolation_audit.model.users import Kind, plain_text, same
from isolation_audit.vocabulary.exits import exits_of
from isolation_audit.vocabulary.messages import Message, MessagesSent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

SERVERS: Final = (
    "socketio.async_server:AsyncServer",
    "socketio.server:Server",
    "socketio.asyncio_server:AsyncServer",  # where it was before 5.10
)

_LIBRARIES: Final = ("socketio", "engineio", "flask_socketio", "fastapi_socketio", "asyncio", "threading.py")
_TO: Final = frozenset({"to", "room"})
_BEFORE_TO: Final = 2
"""Positional parameters before ``to``: the event and its data."""


class SocketIO:
    """The integration."""

    distribution = "python-socketio"
    since = "5.7.0"
    lasting = ("/socketio/",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Handlers, sessions and what is emitted, of servers of both kinds."""
        yield from handlers(runtime, SERVERS)
        if not runtime.config.watch.addressees:
            return
        holders = runtime.part(SessionUsers)
        for server in SERVERS:
            yield Point(f"{server}._trigger_event", lambda layout: HandlerPoint(holders, layout))
            yield Point(f"{server}.save_session", lambda layout: SessionPoint(holders, layout))
            for name in ("get_session", "enter_room"):
                yield Point(f"{server}.{name}", lambda layout: UsePoint(holders, layout))
            emit = f"{server}.emit"
            yield Point(emit, partial(EmitPoint, emit, holders, runtime))


_PERSONAL: Final = (("chainlit.server", "sio"),)
"""Servers of chats between one user and a program."""


class HandlerPoint(Interceptor):
    """Around a handler of an event: whoever runs in it is the user behind its session id."""

    place = "python-socketio's handlers"

    def __init__(self, holders: SessionUsers, layout: Layout) -> None:
        self._holders = holders
        self._event = layout.argument("event")
        self._arguments = itemgetter(layout.varargs)

    def before(self, values: Values) -> Any:
        """Note whose handler runs; the first argument of every handler is the session id."""
        arguments = self._arguments(values)
        sid = plain_text(arguments[0]) if arguments else None
        if sid is None:
            return None
        state = (sid, current_unit().client, self._event(values) == "disconnect")
        change_unit(client=sid)
        return state

    def after(self, state: Any, _result: Any) -> None:
        """The handler has set its user by now, if it does so at all."""
        sid, outer, leaving = state
        self._holders.running(sid)
        if current_unit().client is sid:
            change_unit(client=outer)
        if leaving:
            self._holders.forget(sid)

    def failed(self, state: Any, _error: BaseException) -> None:
        """It has raised, and is over just the same."""
        self.after(state, None)


class UsePoint(Interceptor):
    """Around what a handler calls with its session id: a user who runs for a part of it only is seen there."""

    place = "python-socketio's sessions and rooms"

    def __init__(self, holders: SessionUsers, layout: Layout) -> None:
        self._holders = holders
        self._sid = layout.argument("sid")

    def before(self, values: Values) -> None:
        """Note the user of the running handler; handlers may use others' session ids as well."""
        sid = plain_text(self._sid(values))
        if sid is not None and sid == current_unit().client:
            self._holders.running(sid)


class SessionPoint(UsePoint):
    """Around ``save_session``."""

    def __init__(self, holders: SessionUsers, layout: Layout) -> None:
        super().__init__(holders, layout)
        self._session = layout.argument("session")

    def before(self, values: Values) -> None:
        """Note what the session says of its user."""
        sid = plain_text(self._sid(values))
        if sid is not None:
            self._holders.told(sid, self._session(values))
        super().before(values)


class EmitPoint(Interceptor):
    """Around ``emit``, which ``send`` and ``call`` use, and the namespaces' own methods of these names."""

    def __init__(self, place: str, holders: SessionUsers, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._holders = holders
        self._runtime = runtime
        self._addressees = runtime.listener(MessagesSent)
        self._sinks = exits_of(runtime)
        self._self_of = layout.receiver_reader()
        self._event = layout.argument("event")
        self._data = layout.optional("data")
        self._namespace = layout.optional("namespace")
        self._skipped = layout.optional("skip_sid")
        self._to = layout.optional("to")
        self._room = layout.optional("room")

    def before(self, values: Values) -> None:
        """Find out who receives it, and have it weighed."""
        sender = self._sender()
        message = Message(self.place, self._data(values), _LIBRARIES, plain_text(self._event(values)))
        to = self._to(values) or self._room(values)
        if to is None:
            skipped = self._skipped(values)
            members = self._rooms(values).get(None, ())
            meant = partial(_meant, skipped, self._runtime.config.limits.stack)
            self._addressees.everyone(sender, self._users(members, skipped), message, meant=meant)
            return
        for room in to if type(to) is list or type(to) is tuple else (to,):
            user = self._holders.of(room)
            if user is not None:  # a session id: nobody else can be in a room of that name
                self._addressees.one(sender, user, message)
                if self._sinks is not None and sender is not None and same(sender, user):
                    push = self._sinks.pushes(self.place, personal=self._is_personal(values))
                    push.told(message.payload, user, partial(self._are_together, self._rooms(values), room))
            elif type(room).__hash__ is not None:  # one that can't be hashed is the application's mistake
                self._to_room(sender, room, self._rooms(values).get(room, ()), message)

    def _is_personal(self, values: Values) -> bool:
        server = self._self_of(values)
        return any(getattr(sys.modules.get(module), name, None) is server for module, name in _PERSONAL)

    def _sender(self) -> User | None:
        """The running user; where there is none, the one behind the session id whose handler runs."""
        sid = current_unit().client
        if sid is not None:
            self._holders.running(sid)
        ambient = self._runtime.ambient.current()
        if ambient is None and sid is not None:
            return self._holders.of(sid)
        return ambient

    def _rooms(self, values: Values) -> Any:
        """Room -> its session ids, in this process; a plain dict of the manager's."""
        return self._self_of(values).manager.rooms.get(self._namespace(values) or "/", {})

    def _are_together(self, rooms: Any, sid: str, other_id: str) -> bool:
        """True where a room has both this session id and one of that user's; the room of all is none."""
        return any(
            user is not None and user.id == other_id
            for name, members in list(rooms.items())
            if name is not None and name != sid and sid in members
            for user in map(self._holders.of, list(members))
        )

    def _to_room(self, sender: User | None, room: Any, members: Any, message: Message) -> None:
        sids = list(members)
        users = [self._holders.of(sid) for sid in sids]
        known = [user for user in users if user is not None and user.kind is Kind.USER]
        if not known:
            return
        if len(known) == len(users) and all(same(user, known[0]) for user in known):
            self._addressees.one(sender, known[0], message)
        self._addressees.room(sender, plain_text(room), known, message)
        for sid, user in zip(sids, users, strict=True):
            for former in self._holders.former(sid):
                if user is not None and user.kind is Kind.USER:
                    self._addressees.kept_room(plain_text(room), former, user, message, sender)

    def _users(self, members: Any, skipped: Any) -> Iterator[User]:
        left_out = skipped if type(skipped) is list or type(skipped) is tuple or type(skipped) is set else (skipped,)
        for sid in list(members):
            user = None if sid in left_out else self._holders.of(sid)
            if user is not None:
                yield user


def _meant(skipped: Any, limit: int) -> bool:
    """True where the call names no addressee, or leaves somebody out: nobody does that by accident."""
    return skipped is not None or not writes(beneath(capture(limit), _LIBRARIES), _TO, _BEFORE_TO)


integration = SocketIO()
