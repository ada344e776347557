"""Lifetimes: objects that were made in a unit of work, and are there when it has been over for a while.

Nothing is looked at while a request runs. Twice a second the objects of ended units are counted; what is there after
the grace, and after a full garbage collection, is held by somebody, who is then looked for. A collection is only made
where the last ones were cheap enough; the interpreter's own ones count as well.
"""

from __future__ import annotations

import gc
import time
import weakref
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.foundation.records import record
from isolation_audit.instrument.heap.holding import holding
from isolation_audit.instrument.stacks import capture
from isolation_audit.model import contexts
from isolation_audit.model.remembered import remembered
from isolation_audit.model.users import Kind
from isolation_audit.rules.lifetime.census import Census
from isolation_audit.rules.lifetime.growth import Growth, Stayed, in_words
from isolation_audit.rules.lifetime.interest import name_of
from isolation_audit.rules.lifetime.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.heap.holding import Holding
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User

_WATCHED: Final = 10_000
"""Objects that are watched at once; of more, those made last are not."""
_SHARE: Final = 200
"""A full collection, or a search for a holder, is made again after so many times as long as the last one took."""
_SEARCHES: Final = 4
"""Holders that are looked for at one time, and of objects that were made at one place."""
_TRIES: Final = 20
_FRAMES: Final = 16


@record
class Outlived:
    """An object of ``owner``'s is there although the unit in which it was made is over; ``holder`` says who has it."""

    target: str
    owner: User | None
    holder: str
    stack: RawStack
    within: str = ""
    """What has reached it when it was made, where it is no target itself; ``stack`` is where that was made."""


@dataclass(slots=True, eq=False)
class _Watched:
    """One object, as long as it is there."""

    reference: weakref.ref[Any]
    target: str
    owner: User | None
    unit: weakref.ref[Any]
    stack: RawStack
    test: Any
    over: float = 0.0
    """When its unit was seen to be over."""
    collections: int = 0
    """Full collections that there had been when the grace was over."""
    tries: int = 0
    told: bool = False
    within: str = ""
    """The target that has reached it, where it is none itself."""
    waits: bool = False
    """It has its grace also at the end of the audit: whoever keeps connections lets go of them a little later."""


class Lifetimes:
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._watched: dict[int, _Watched] = {}
        self._over: dict[int, _Watched] = {}
        """Those whose unit is over."""
        self._ended: dict[int, _Watched] = {}
        """Those of them that are no part of another one."""
        self._lasting: set[str] = set()
        """Targets whose objects have served in a later unit: they are made for longer than one."""
        self._growth = Growth(runtime)
        self._census = Census(runtime, self._growth)
        self._reach = Reach()
        self._next = 0.0
        runtime.settling.append(self._settle)
        runtime.used, runtime.ended, runtime.connected = self.used, self._ended, self.connected

    def made(self, target: str, obj: Any, owner: User | None, unit: Any, stack: RawStack | None) -> RawStack | None:
        """An object was made in ``unit``, which is running; what comes back is where, for others made with it.

        ``stack`` is what is known of that already.
        """
        return self._watch(target, obj, owner, stack, unit)

    def reached(self, within: str, obj: Any, stack: RawStack | None) -> None:
        """``obj`` was made in the unit that is running; what it leads to may outlive it."""
        holder = self._watched.get(id(obj))
        if holder is None or holder.owner is None:
            return
        unit = holder.unit()
        for value in self._reach.inside(obj, in_test=holder.test is not None):
            known, target = self._watched.get(id(value)), name_of(type(value))
            if known is not None:
                if known.within and known.unit() is not unit:
                    self._lasting.add(target)  # several units have it
            elif target not in self._lasting and len(self._watched) < _WATCHED:
                self._put(value, target, holder.owner, unit, stack or holder.stack, within)
                self._reach.had(within, target, holder.owner)

    def connected(self, target: str, obj: Any, owner: User, stack: RawStack | None) -> None:
        """The user of a connection has become known; it may be there for as long as its own request, not a scope's."""
        self._watch(target, obj, owner, stack, contexts.current_unit().request)
        watched = self._watched.get(id(obj))
        if watched is not None:
            watched.waits = True

    def _watch(self, target: str, obj: Any, owner: User | None, stack: RawStack | None, unit: Any) -> RawStack | None:
        if unit is None or unit.ended or id(obj) in self._watched or owner is None or owner.kind is not Kind.USER:
            return stack
        self._growth.made(target, owner)
        if len(self._watched) >= _WATCHED:
            return stack
        if not stack or (
            is_installed(stack[0][0].co_filename) and all(is_installed(one[0].co_filename) for one in stack)
        ):
            stack = capture(_FRAMES)  # only where frameworks alone are near, it takes a deeper look
        self._put(obj, target, owner, unit, stack)
        return stack

    def _put(self, obj: Any, target: str, owner: User, unit: Any, stack: RawStack, within: str = "") -> None:
        try:
            reference = weakref.ref(obj, self._forget(id(obj)))
        except TypeError:  # it takes no weak reference
            return
        test = contexts.test_variable.get()
        self._watched[id(obj)] = _Watched(reference, target, owner, weakref.ref(unit), stack, test, within=within)

    def lasts(self, target: str) -> bool:
        """True where objects of the target have served in a later unit."""
        return target in self._lasting

    def watches(self, obj: Any) -> bool:
        """True where it is told of an object whether it outlives its unit."""
        return id(obj) in self._watched

    def measure_again(self) -> None:
        """Leave out the pauses between two measurements: for tests, which have nothing else to do."""
        self._growth.pause_until = self._census.pause_until = self._reach.pause_until = 0.0

    def used(self, obj: Any) -> None:
        """An object is at work; where its unit is over, it was made to last."""
        watched = self._ended.get(id(obj)) if self._ended else None
        if watched is not None and watched.reference() is obj:
            self._lasting.add(watched.target)

    def _forget(self, key: int) -> Any:
        watched, over, ended = self._watched, self._over, self._ended

        def forget(reference: weakref.ref[Any]) -> None:
            one = watched.get(key)
            if one is not None and one.reference is reference:
                watched.pop(key, None)
                over.pop(key, None)
                ended.pop(key, None)

        return forget

    def _settle(self, grace: float) -> None:
        now = time.monotonic()
        self._end(now)
        wait = self._runtime.config.limits.grace
        over = [one for one in list(self._over.values()) if not one.told and self._may_be_told(one)]
        due = [one for one in over if now - one.over >= wait or not (grace or one.waits)]
        for one in due:
            one.collections = one.collections or _collections()
        if due and (not grace or now >= self._next):
            self._judge(due, now, final=not grace)
        self._growth.sample(self._stayed)
        if grace:
            self._census.count()

    def _end(self, now: float) -> None:
        """Units that are over."""
        for key, one in list(self._watched.items()):
            if one.within and one.target in self._lasting:
                self._watched.pop(key, None)
                self._over.pop(key, None)
            elif not one.over and is_over(one.unit()):
                one.over = now
                self._over[key] = one
                if not one.within:
                    self._ended[key] = one
                    remembered.forget()  # from now on each use is looked at

    def _judge(self, due: list[_Watched], now: float, *, final: bool) -> None:
        if not final and not gc.isenabled():
            return  # whoever has switched it off collects when it suits
        started = time.perf_counter()
        if final or any(one.collections >= _collections() for one in due):
            gc.collect()
        known: dict[int, _Watched] = {id(one.reference()): one for one in due}
        left = [one for one in due if one.reference() is not None]
        searched: Counter[Any] = Counter()
        for one in left:
            place = (one.target, one.stack[:1])
            searched[place] += 1
            if searched[place] > _SEARCHES or (not final and searched.total() > _SEARCHES):
                one.told = one.told or searched[place] > _SEARCHES  # many from one place: a few tell who has them
                continue
            obj = one.reference()
            found = None if obj is None else holding(obj)
            if obj is not None and self._is_told(one, found, known, now):
                with contexts.of_test(one.test):
                    self._runtime.publish(Outlived(one.target, one.owner, in_words(found), one.stack, one.within))
            del obj
        self._next = time.monotonic() + _SHARE * (time.perf_counter() - started)

    def _may_be_told(self, one: _Watched) -> bool:
        if one.target in self._lasting or one.owner is None:
            return False
        return not one.within or self._reach.is_proven(one.within, one.target, one.owner)

    def _is_told(self, one: _Watched, found: Holding | None, known: dict[int, _Watched], now: float) -> bool:
        one.tries += 1
        if found is not None and found.ours:
            one.told = one.tries >= _TRIES
            return False
        if found is not None and found.of_library and one.waits:
            one.told = True  # a library keeps its own connection, as one to which its client may come back
            return False
        through = set() if found is None else self._watched.keys() & found.through
        if any(key in known or not self._watched[key].within for key in through):
            one.told = True  # held by another one that is told of itself
            return False
        early = now - one.over < self._runtime.config.limits.grace
        if early and self._runtime.running and (found is None or found.passing):
            return False
        one.told = True
        return True

    def _stayed(self) -> Iterator[Stayed]:
        """What is there of ended units."""
        collections = _collections()
        for one in list(self._over.values()):
            if one.owner is not None and not one.within and one.reference() is not None:
                left = bool(one.collections) and one.collections < collections
                lasts = one.target in self._lasting
                yield Stayed(one.reference, one.target, one.owner, one.stack, left, lasts)


def running_unit() -> Any:
    """The request, or the outermost scope of the user; a connection that lasts is one only where no scope is."""
    request, scope = contexts.current_unit().request, contexts.current_scope()
    if scope is None or (request is not None and not request.lasting):
        return request
    while scope.parent is not None and scope.parent.user_id == scope.user_id:
        scope = scope.parent
    return scope


def is_over(unit: Any) -> bool:
    """True once a unit of work has ended, and where it is gone."""
    return unit is None or bool(unit.ended)


def _collections() -> int:
    return int(gc.get_stats()[-1]["collections"])
