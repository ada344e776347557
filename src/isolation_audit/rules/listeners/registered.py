"""Listeners: whoever has registered a listener on a bus of events is an addressee of all that the bus tells it.

A bus tells every listener of everything, and that is what it is for. So it takes more than another user's listener:

- the listener is one user's own: several users have registered theirs, of the same code, or it belongs to its user
  (see ``belonging``);
- it takes whatever it is given (see ``taking``);
- the event names somebody else, and not the listener's user; and
- it says by itself whom it is for, or holds a secret; or the work that left the listener behind is over; or nobody
  but this one user hears it.

Where several users hear it, and the sender is named in the middle of a text, that is said as a note: from outside, an
announcement and a leak look alike.
"""

from __future__ import annotations

import weakref
from contextvars import copy_context
from fnmatch import fnmatchcase
from functools import partial
from types import BuiltinMethodType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from isolation_audit.analysis.frames import beneath
from isolation_audit.content.naming import Naming, addressed, named
from isolation_audit.instrument.stacks import capture
from isolation_audit.model.gates import Gate
from isolation_audit.model.owner_records import Record
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.caches.function_reading import FunctionReading, TooLongError
from isolation_audit.rules.context.running_work import RunningWork
from isolation_audit.rules.crossing.reached import Reached
from isolation_audit.rules.listeners.ownership import holds, made_here
from isolation_audit.rules.listeners.selectivity import Selectivity
from isolation_audit.vocabulary.messages import EventListeners, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from isolation_audit.content.index import Mark
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User

MOST: Final = 10_000
"""Listeners of one event that are known; those beyond them are nobody's."""


class RegisteredAt(NamedTuple):
    """Where and in whose work a listener was registered; ``own`` where it was made in that very work."""

    stack: RawStack
    work: RunningWork
    own: bool


class Registered:
    """One listener, in whose work and where it was registered; ``user`` is None once several users have."""

    __slots__ = ("kind", "own", "reference", "stack", "takes", "user", "work")

    def __init__(self, reference: weakref.ref[Any], kind: Hashable, user: User, place: RegisteredAt) -> None:
        self.reference = reference
        self.kind = kind
        """What listeners of the same code have in common."""
        self.user: User | None = user
        self.stack, self.work, self.own = place
        self.takes = False
        """True once it has been read, and takes everything."""


class Heard(NamedTuple):
    """A listener that is about to be told, and whose it is."""

    listener: Any
    user: User
    registered: Registered


_Suspicion = tuple[Heard, "User", str]
"""Who heard it, whose data that is, and how it is called."""


class Topic:
    """The listeners of one event of one bus, by their identity; gone with them."""

    __slots__ = ("_users", "known")

    def __init__(self) -> None:
        self.known: dict[Hashable, Registered] = {}
        self._users: dict[Hashable, tuple[User, bool]] = {}
        """Kind of listener -> who registered one first; True where another user has, too."""

    def add(self, listener: Any, user: User, place: Callable[[], RegisteredAt]) -> None:
        """``user`` has registered ``listener``."""
        held, key = _identity(listener)
        earlier = self.known.get(key)
        if earlier is not None and earlier.reference() is held:
            if earlier.user is not None and not same(earlier.user, user):
                earlier.user = None
            return
        if len(self.known) >= MOST:
            return
        known = self.known

        def forget(reference: weakref.ref[Any]) -> None:
            current = known.get(key)
            if current is not None and current.reference is reference:
                known.pop(key, None)

        try:
            reference = weakref.ref(held, forget)
        except TypeError:
            return
        kind = _kind(listener)
        first = self._users.get(kind)
        if first is None and len(self._users) < MOST:
            self._users[kind] = (user, False)
        elif first is not None and not first[1] and not same(first[0], user):
            self._users[kind] = (first[0], True)
        known[key] = Registered(reference, kind, user, place())

    def heard(self, listeners: Iterable[Any]) -> Iterator[Heard]:
        """Those that one user has registered."""
        for listener in listeners:
            held, key = _identity(listener)
            found = self.known.get(key)
            user = None if found is None or found.reference() is not held else found.user
            if found is not None and user is not None:
                yield Heard(listener, user, found)

    def is_personal(self, heard: Heard) -> bool:
        """True where a listener is its user's own, and not one for all that the first request happened to register."""
        first = self._users.get(heard.registered.kind)
        several = first is not None and first[1]
        return several or heard.registered.own or holds(heard.listener, heard.user.id)


class Listeners(EventListeners):
    """The listeners of one audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._reading = runtime.part(FunctionReading)
        self._selectivity = Selectivity(self._reading)
        self._public = runtime.config.addressees.public
        self._buses: dict[int, tuple[weakref.ref[Any], dict[Hashable, Topic]]] = {}
        self.gate = Gate()
        """Open once a user's work has registered any listener."""

    def registered(self, bus: Any, topic: str | None, listener: Any) -> None:
        """A listener was registered; ``topic`` is the event, where a bus has several."""
        user = self._runtime.ambient.current()
        if user is None or user.kind is not Kind.USER:
            return
        key, buses = id(bus), self._buses
        self.gate.open = True
        if key not in buses:
            buses[key] = (weakref.ref(bus, lambda _gone: buses.pop(key, None)), {})
        topics = buses[key][1]
        if topic in topics or len(topics) < MOST:
            topics.setdefault(topic, Topic()).add(listener, user, lambda: self._place(listener, user))

    def topic(self, bus: Any, topic: str | None) -> Topic | None:
        """The listeners of an event that some user has registered; None where there are none."""
        entry = self._buses.get(id(bus))
        found = None if entry is None else entry[1].get(topic)
        return found if found is not None and found.known else None

    def told(self, topic: Topic, listeners: Iterable[Any], message: Message) -> None:
        """``listeners`` are about to be told; ``message.event`` is what the event is called."""
        sender = self._runtime.ambient.current()
        if sender is not None and sender.kind is not Kind.USER:
            return
        every = list(topic.heard(listeners))
        others = [heard for heard in every if sender is None or not same(heard.user, sender)]
        marks = self._marks(message.payload) if others else []
        if not marks or (message.event is not None and self._is_named_for_somebody(message.event)):
            return
        alone = len(others) == len(every) and len({heard.user.id for heard in others}) == 1
        suspected: list[_Suspicion] = []
        event = _Event(message, marks, sender, self._is_public(message.event))
        for heard in others:
            content, to = event.reaches(heard, alone=alone)
            if content is not None and topic.is_personal(heard):
                suspected.append((heard, content, to))
        if suspected:
            self._suspect(message, sender, suspected)

    def _suspect(self, message: Message, sender: User | None, suspected: list[_Suspicion]) -> None:
        """Tell of the first of these that takes whatever it is given; where that takes long to find out, later."""
        try:
            self._judge(message, sender, suspected, None)
        except TooLongError:
            stack, context = self._stack(message), copy_context()
            sent = Message(message.target, None, message.libraries, message.event)
            # Who is asked about this moment then, must be asked in it.
            self._reading.later(lambda: context.run(self._judge, sent, sender, suspected, stack))

    def _judge(
        self, message: Message, sender: User | None, suspected: list[_Suspicion], stack: RawStack | None
    ) -> None:
        for heard, content, to in suspected:
            if self._takes(heard):
                self._tell(message, to, sender, content, heard, self._stack(message) if stack is None else stack)
                return

    def _stack(self, message: Message) -> RawStack:
        return beneath(capture(self._runtime.config.limits.stack), message.libraries)

    def _takes(self, heard: Heard) -> bool:
        registered = heard.registered
        registered.takes = registered.takes or self._selectivity.takes(heard.listener)
        return registered.takes

    def _tell(
        self, message: Message, to: str, sender: User | None, content: User, heard: Heard, stack: RawStack
    ) -> None:
        registered = heard.registered
        record = Record(self)
        record.owner, record.origin_label = heard.user, "listener registered in the work of"
        record.origin = beneath(registered.stack, message.libraries)
        message.payload = None
        self._runtime.publish(Reached(message, to, sender, content, heard.user, stack, record))

    def _marks(self, payload: Any) -> list[Mark]:
        content = self._runtime.content
        if content is None:
            return []
        marks, complete = content.marks(payload)
        if not complete:
            self._runtime.tally.payloads_truncated += 1
        return [mark for mark in marks if mark.user.kind is Kind.USER]

    def _is_named_for_somebody(self, event: str) -> bool:
        """True for ``inbox:alice``: whoever listens to that knows whose it is."""
        return bool(self._marks(event))

    def _is_public(self, event: str | None) -> bool:
        return event is not None and any(fnmatchcase(event, glob) for glob in self._public)

    def _place(self, listener: Any, user: User) -> RegisteredAt:
        stack = capture(self._runtime.config.limits.stack)
        return RegisteredAt(stack, RunningWork(self._runtime, user, stack), made_here(listener))


class _Event:
    """What one event says of its users, weighed against one listener after the other."""

    def __init__(self, message: Message, marks: list[Mark], sender: User | None, public: bool) -> None:
        self._marks = marks
        self._payload = message.payload
        self._public = public
        users = {mark.user.id: mark.user for mark in marks}
        meant = [user for user in users.values() if addressed(message.payload, user.id)]
        self._meant = meant[0] if len(meant) == 1 else None
        self._alone = sender if len(users) == 1 and sender is not None and same(marks[0].user, sender) else None

    def reaches(self, heard: Heard, *, alone: bool) -> tuple[User | None, str]:
        """Whose data it is that this listener must not have, and how that is called; None where it may.

        ``alone`` where no other user hears it, and the sender neither.
        """
        user = heard.user
        secret = next((mark.user for mark in self._marks if mark.secret and not same(mark.user, user)), None)
        if secret is not None:
            return secret, "heard"
        if self._public or any(same(mark.user, user) for mark in self._marks):
            return None, ""
        if self._meant is not None:
            return self._meant, "heard"
        naming = Naming.SPEAKER if self._alone is None else named(self._payload, self._alone.id)
        if naming >= Naming.SUBJECT:
            return None, ""
        if alone or heard.registered.work.over():
            return self._alone, "heard"
        return (self._alone, "told") if naming is Naming.INSIDE else (None, "")


def _identity(listener: Any) -> tuple[Any, Hashable]:
    """What lives as long as a listener, and its key: a bound method is made anew each time it is asked for."""
    if type(listener) is MethodType:
        return listener.__self__, (id(listener.__self__), id(listener.__func__))
    return listener, id(listener)


def _kind(listener: Any) -> Hashable:
    while type(listener) is partial:
        listener = listener.func
    if type(listener) is BuiltinMethodType:
        return type(listener.__self__), listener.__name__
    function = listener.__func__ if type(listener) is MethodType else listener
    while type(function) is FunctionType and "__wrapped__" in vars(function):
        function = vars(function)["__wrapped__"]  # decorators give all that they decorate one and the same code
    if type(function) is FunctionType:
        return function.__code__
    return id(type(function))
