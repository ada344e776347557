"""Connections whose place another one has taken: one user's work answers on a connection that is another user's.

``self.last = socket`` or ``sockets[room] = socket`` holds one connection where there are several; what a user's work
then sends there reaches whoever came last, and may name nobody. To send to others is what chats and games do: in those
the sender's own connection is registered beside the others. Here it is not: it is open, it came to the same endpoint
before the other one did, and what the sending code finds the other connection in leads to none of the sender's. Whoever
was there before the sender, and has kept that place, is a host.
"""

from __future__ import annotations

import sys
import weakref
from collections import deque
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.analysis.variables import variables_of
from isolation_audit.instrument.heap.parts import fields
from isolation_audit.instrument.stacks import is_ours
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.provenance.state import is_of_the_application
from isolation_audit.vocabulary.messages import ENOUGH, ConnectionsBound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.work.routes import Endpoint
    from isolation_audit.model.users import User

_USERS: Final = 10_000
_OF_ONE: Final = 16
"""Connections of one user that are remembered."""

_LOOKED_AT: Final = 2
"""Users whose connections are looked after each time that one more has turned up."""

_PLACES: Final = 1_000
_FRAMES: Final = 24
_OWN_FRAMES: Final = 3
"""Functions of the application that may have found the connection, from the one that sends on."""

_OBJECTS: Final = 3_000
_DEPTH: Final = 4
_SEQUENCES: Final = (list, tuple, set, frozenset, deque)
_HOLDERS: Final = frozenset({"State", "SimpleNamespace", "WeakSet", "WeakValueDictionary"})
"""Classes of libraries that applications keep their own things in."""


_numbers: Final = count()


class _Open:
    __slots__ = ("number", "socket", "user", "view")

    def __init__(self, socket: Any, user: User, view: object) -> None:
        self.number = next(_numbers)
        """Tells who came first."""
        self.socket = weakref.ref(socket)
        self.user = user
        self.view = id(view) if view is not None else None


class OpenConnections(ConnectionsBound):
    """Whose connections there are; one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._content = runtime.content
        self._open: dict[str, list[_Open]] = {}
        self._kinds: set[int] = set()
        """Identities of their classes."""
        self.asked: dict[object, int] = {}
        """How often it was asked for a piece of code, and for a pair of users: of those ``ENOUGH`` times, no more."""

    def bound(self, socket: Any, user: User, endpoint: Endpoint | None) -> None:
        """A connection that this endpoint serves has turned out to be ``user``'s."""
        if user.kind is not Kind.USER:
            return
        try:
            one = _Open(socket, user, None if endpoint is None else endpoint.view)
        except TypeError:
            return  # it allows no weak reference
        self._kinds.add(id(type(socket)))
        kept = []
        for known in self._open.get(user.id, ()):
            there = known.socket()
            if there is socket:
                one.number = known.number
            elif there is not None:
                kept.append(known)
        self._open[user.id] = [*kept[-_OF_ONE + 1 :], one]
        for _ in range(_LOOKED_AT):
            self._let_go()
        drop_oldest(self._open, _USERS)

    def holds(self, value: object) -> bool:
        """True for a connection: whom it reaches is judged where something is sent on it."""
        if id(type(value)) not in self._kinds:
            return False
        return any(one.socket() is value for known in list(self._open.values()) for one in known)

    def _let_go(self) -> None:
        """Forget the user who was looked at longest ago, if all of their connections are gone."""
        try:
            oldest = next(iter(self._open))
        except (RuntimeError, StopIteration):
            return  # another thread changes it at this moment
        known = self._open.pop(oldest, [])
        if any(one.socket() is not None for one in known):
            self._open[oldest] = known

    def has_lost_its_place(self, sender: User, receiver: User, is_open: Any) -> bool:
        """True where the code that sends to ``receiver`` finds a connection there, and none of the sender's.

        ``is_open`` tells of a connection whether it can be sent to.
        """
        if not self._is_worth((sender.id, receiver.id)):
            return False
        mine = self._of(sender, is_open)
        theirs = self._of(receiver, is_open) if mine else []
        first = min((one.number for one in mine), default=0)
        theirs = [one for one in theirs if one.number > first]
        alike = {one.view for one in mine} & {one.view for one in theirs}
        frames = list(own_frames(sys._getframe(1))) if alike else []  # noqa: SLF001 - the documented way to a frame
        if not frames or not self._is_worth(frames[0].f_code):
            return False
        wanted = {id(one.socket()) for one in theirs if one.view in alike}
        own = {id(one.socket()) for one in mine}
        found, whole = _reachable(frames, wanted | own)
        return whole and bool(found & wanted) and not found & own

    def _of(self, user: User, is_open: Any) -> list[_Open]:
        return [
            one
            for one in self._open.get(user.id, ())
            if same(one.user, user) and (socket := one.socket()) is not None and is_open(socket)
        ]

    def _is_worth(self, what: object) -> bool:
        times = self.asked.get(what, 0)
        if times >= ENOUGH:
            return False
        self.asked[what] = times + 1
        drop_oldest(self.asked, _PLACES)
        return True


def own_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """The application's functions that run, from the one that sends on."""
    left = _OWN_FRAMES
    for _ in range(_FRAMES):
        if frame is None or not left:
            return
        if not is_ours(frame.f_code) and not is_installed(frame.f_code.co_filename):
            left -= 1
            yield frame
        frame = frame.f_back


def _reachable(frames: Iterable[FrameType], wanted: set[int]) -> tuple[set[int], bool]:
    """Which of these objects the names in some frames lead to, but for their own names; and whether all was seen."""
    waiting = [(value, 0) for frame in frames for value in _named(frame) if id(value) not in wanted]
    seen: set[int] = set()
    found: set[int] = set()
    for value, depth in waiting:
        if id(value) in wanted:
            found.add(id(value))
            continue
        if id(value) in seen or depth > _DEPTH:
            continue
        if len(seen) >= _OBJECTS:
            return found, False
        seen.add(id(value))
        waiting += [(inner, depth + 1) for inner in _inside(value)]
    return found, True


def _named(frame: FrameType) -> list[Any]:
    """What the names in a frame's code stand for."""
    code, held = frame.f_code, variables_of(frame)
    names = (*code.co_varnames, *code.co_freevars, *code.co_cellvars)
    found = [held[name] for name in names if name in held]
    return [*found, *(frame.f_globals[name] for name in code.co_names if name in frame.f_globals)]


def _inside(value: Any) -> list[Any]:
    kind = type(value)
    if issubclass(kind, weakref.ref):
        return [weakref.ref.__call__(value)]
    if issubclass(kind, dict):
        return [*dict.values(value)]
    for plain in _SEQUENCES:
        if issubclass(kind, plain):
            return list(plain.__iter__(value))
    if kind is SimpleNamespace or kind.__name__ in _HOLDERS or is_of_the_application(kind):
        return list(fields(value).values())
    return []
