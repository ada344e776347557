"""Units of work as the monitor of state sees them: whose work is running, and what it has written and read so far.

A unit is known by its inputs, where those are seen (a request, a connection, a scope), and else by its user alone. A
request of nobody's is a unit, too: it is told from others by the session, the token or the key that came with it.
"""

from __future__ import annotations

from itertools import count
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet, ref

from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.model.contexts import current_unit, scope_variable
from isolation_audit.model.current_inputs import own_inputs
from isolation_audit.model.owner_tags import drop_first
from isolation_audit.model.remembered import remembered
from isolation_audit.model.tables import first
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.state.signs import signs

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.rules import Severity
    from isolation_audit.model.users import User

__builtins__ = BUILTINS

_IMPLICIT: Final = 2_000
"""Users whose work is known by their name alone."""

_LEARNED: Final = 20_000
"""Sessions and tokens of which it is remembered whose they are."""

_BORN: Final = 2_000
"""Objects that are known as one unit's own."""

_LOOKS: Final = 32
"""Stores of one site for each of which the arguments of what is running, and all of the value, are looked at."""

_MANY: Final = 1_000
"""Stores of one site of which each is looked into."""

_FEW: Final = 8
"""Values that are looked at of one that a loop stores; and after many, of how many stores one is looked into."""

clock: Final = count(1)
"""Orders what is written and read."""


class Unit:
    """One unit of work. It holds objects of the application nowhere but in ``inputs``, which end with it."""

    __slots__ = (
        "__weakref__",
        "arguments",
        "asked",
        "began",
        "born",
        "carried",
        "clients",
        "ended",
        "entries",
        "foreign",
        "inputs",
        "looked",
        "made",
        "numbers",
        "published",
        "reads",
        "since",
        "surfaced",
        "user",
        "writes",
    )

    def __init__(self, inputs: Inputs | None, user: User | None) -> None:
        self.inputs = inputs
        self.user = user
        self.clients: frozenset[int] = frozenset()
        """Hashes of what its client has sent to say who it is; empty where that was nothing."""
        self.arguments: dict[str, None] = {}
        """Texts that the functions at work were given, where nothing else tells what came in."""
        self.asked: dict[int, int] = {}
        """How often each site has stored something, where nothing else tells what came in, since it was settled."""
        self.looked: dict[int, int] = {}
        """How often what each site has stored was looked into, since it was settled."""
        self.foreign: dict[str, None] = {}
        """Texts that it has read of others'; they may be among its arguments later."""
        self.surfaced: list[tuple[User, Severity]] = []
        """Whose data has left with what it answers, though it came from memory, and how bad that is."""
        self.made = 0
        """Objects of its own of which it was asked for whom they are made."""
        self.began = time_ns() if inputs is None else _began(inputs)
        self.since = monotonic()
        self.ended = False
        self.born: dict[int, ref[Any]] = {}
        self.carried: dict[Any, Any] = {}
        """What it has read of others' to store it back, by the place; see ``rules/state/carried.py``."""
        self.published: dict[int, Any] = {}
        """Objects of other units that it has got hold of, by identity; see ``rules/state/watch.py``."""
        self.entries: dict[int, Any] = {}
        """Values of mappings that it has gone through, by identity: each with its write and the site."""
        self.writes: list[Any] = []
        """What it has written, until that is settled."""
        self.reads: dict[Any, Any] = {}
        """What it has read of others, until that is judged."""
        self.numbers: dict[Any, tuple[int, str]] = {}
        """Numbers that it has read: when, and in which function."""

    def bear(self, obj: object) -> None:
        """Note an object that is new, and this unit's own as long as nobody else gets hold of it."""
        born = self.born
        if len(born) >= _BORN:
            # A unit that goes on for long makes and drops objects: those that are gone make room, or the oldest half.
            born = self.born = {key: one for key, one in born.items() if one() is not None}
            for key in first(born, _BORN // 2) if len(born) > _BORN // 2 else ():
                del born[key]
        try:
            born[id(obj)] = ref(obj)
        except TypeError:
            return  # it allows no weak reference: its writes are kept like others

    def is_worth_a_look(self, site: int) -> bool:
        """True for the first stores of a site, and some of the others: a loop is given all at its beginning."""
        count = self.asked[site] = self.asked.get(site, 0) + 1
        return count <= _LOOKS or count % _LOOKS == 0

    def looks(self, site: int, most: int) -> int:
        """How many values inside of what a site stores are looked at: fewer where it has stored so often that it must
        be a loop, and later nothing; all of some of it.
        """
        count = self.looked[site] = self.looked.get(site, 0) + 1
        if count <= _LOOKS or count % _LOOKS == 0:
            return most
        return _FEW if count <= _MANY or count % _FEW == 0 else 0

    def settle(self) -> list[Any]:
        """What was written since this was asked before; a unit that goes on may be given something else from now on."""
        writes, self.writes = self.writes, []
        self.asked.clear()
        self.looked.clear()
        return writes


class Units:
    """The units of one audit. ``ended`` is called once for each, as long as its inputs are there."""

    def __init__(self, runtime: Runtime, ended: Callable[[Unit], None]) -> None:
        self._runtime = runtime
        self._ambient = runtime.ambient
        self._ended = ended
        self._implicit: dict[str, Unit] = {}
        self._learned: dict[int, User] = {}
        self._running: WeakSet[Unit] = WeakSet()
        self._over: dict[str, User] = {}
        self._last: tuple[str | None, object, Unit | None] = (None, None, None)
        """What the application's variable held the last time, and whose that is until something is learned of users."""
        self.open: dict[int, Unit] = {}
        """Those that are running and have something to be settled or judged, by identity."""

    def current(self) -> Unit | None:
        """The unit that is running; None for nobody's work, and for the system's."""
        work = current_unit()  # asked for each access that may concern it
        inputs = work.given_by
        if inputs is None or inputs.ended:
            request = work.request
            if request is None and scope_variable.get() is None:
                # Nothing but the application's own variable says who is at work.
                ambient = self._ambient
                text = ambient.read(None)
                last, version, unit = self._last
                if last is text and version is remembered.version:
                    return unit
                if type(text) is not str:
                    return self._by_name() if ambient.asks else None
                version = remembered.version
                unit = self._by_name()
                self._last = text, version, unit
                return unit
            inputs = own_inputs() if request is None or request.inputs is None else request.inputs
            if inputs is None:
                return self._by_name()
        unit = inputs.unit
        if unit is None:
            unit = self._begin(inputs)
        user = unit.user
        if user is None:
            user = unit.user = self._somebody()
        return None if user is not None and user.kind is Kind.SYSTEM else unit

    def _begin(self, inputs: Inputs) -> Unit:
        unit = inputs.unit = Unit(inputs, self._somebody())
        unit.clients = _clients(inputs)
        self._running.add(unit)
        inputs.at_end.append(lambda: self._end(unit))
        return unit

    def _end(self, unit: Unit) -> None:
        try:
            if unit.user is None:
                unit.user = self._somebody()
            self.learn(unit)
            self._ended(unit)
        except Exception as error:
            self._runtime.barrier.fault("state", error)
        finally:
            unit.ended = True
            self._running.discard(unit)
            if unit.user is not None and unit.user.kind is Kind.USER and len(self._over) < _LEARNED:
                self._over[unit.user.id] = unit.user
            self.open.pop(id(unit), None)
            unit.inputs = None
            # What it has written is known for longer: of its arguments it matters then whether there were any.
            unit.arguments = dict.fromkeys(first(unit.arguments, 1))
            for held in (unit.born, unit.published, unit.entries, unit.writes, unit.reads, unit.numbers, unit.foreign):
                held.clear()
            for told in (unit.asked, unit.looked, unit.carried, unit.surfaced):
                told.clear()

    def take_over(self) -> dict[str, User]:
        """The users whose last unit has ended since this was asked before."""
        at_work = {unit.user.id for unit in list(self._running) if unit.user is not None}
        over = {name: user for name, user in list(self._over.items()) if name not in at_work}
        for name in over:
            self._over.pop(name, None)
        return over

    def _somebody(self) -> User | None:
        user = self._runtime.ambient.current()
        return user if user is not None and user.kind in (Kind.USER, Kind.SYSTEM) else None

    def _by_name(self) -> Unit | None:
        user = self._runtime.ambient.in_context()
        if user is None or user.kind is not Kind.USER:
            return None
        unit = self._implicit.get(user.id)
        if unit is None:
            if len(self._implicit) >= _IMPLICIT:
                drop_first(self._implicit)
            unit = self._implicit[user.id] = Unit(None, user)
        return unit

    def learn(self, unit: Unit) -> None:
        """Remember whose the client of a unit is."""
        if unit.user is None:
            found = {user.id: user for one in unit.clients if (user := self._learned.get(one)) is not None}
            if len(found) == 1:
                (unit.user,) = found.values()
        elif unit.user.kind is Kind.USER:
            for one in unit.clients:
                if len(self._learned) >= _LEARNED:
                    drop_first(self._learned)
                self._learned[one] = unit.user

    def apart(self, one: Unit, other: Unit) -> bool:
        """True where two units are certainly two parties'."""
        if one is other:
            return False
        for unit in (one, other):
            self.learn(unit)
        if one.user is not None and other.user is not None:
            return not same(one.user, other.user)
        if one.clients & other.clients:
            return False
        if one.user is None and other.user is None:
            # Two sessions are two; of requests without any sign it can't be told.
            return bool(one.clients and other.clients)
        return True


def _began(inputs: Inputs) -> int:
    """When the unit began: inputs are made when they are first needed, and a scope may have begun before."""
    scope = scope_variable.get()
    while scope is not None and scope.parent is not None:
        scope = scope.parent
    if scope is not None and scope.inputs is inputs:
        return scope.started
    return time_ns() - int((monotonic() - inputs.began) * 1e9)


def _clients(inputs: Inputs) -> frozenset[int]:
    """What tells the client of a unit from others."""
    request = current_unit().request
    party = None if request is None else request.party()
    return signs(inputs) if party is None else signs(inputs) | {hash(party.id)}
