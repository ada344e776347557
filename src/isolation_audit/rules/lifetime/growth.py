"""Growth: numbers and sizes of what stays, by type, followed over many units of work; over all users and for each.

What waits to be collected is no growth: before anything is told a full garbage collection is made, and what it leaves
is counted again. Bytes are measured as well: what is made to last, such as a user's session, may grow by itself.
"""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Final, NamedTuple

from isolation_audit.analysis.trends import LEAST, Series
from isolation_audit.instrument.heap.holding import holding
from isolation_audit.instrument.heap.sizes import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from isolation_audit.instrument.heap.holding import Holding
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User

_UNITS: Final = 16
"""Units between two samples of a series."""
_SERIES: Final = 300
"""Series of single users that are followed, as long as something of theirs is left."""
_BYTES: Final = 8.0
"""Bytes a unit below which nothing is said."""
_MEASURED: Final = 100
"""Objects of one target whose bytes are measured; where there are more, the others are taken to be as large."""
_SHARE: Final = 1_000
"""Bytes are measured again after so many times as long as the last time took."""


@dataclass(slots=True, eq=False, repr=False)
class Grown:
    """With each unit more objects of a target stay, or they take more bytes: ``slope`` a unit, over so many units.

    ``user`` is None where it is so over all users.
    """

    target: str
    user: User | None
    in_bytes: bool
    slope: float
    units: int
    now: float
    holder: str
    stack: RawStack


class Stayed(NamedTuple):
    """One object whose unit is over."""

    reference: Callable[[], Any]
    """Gives the object, as long as it is there: nothing here may keep it."""
    target: str
    owner: User
    stack: RawStack
    collected: bool
    """A full collection has left it."""
    lasts: bool
    """It, or another one of its target, has served in a later unit."""


class _Key(NamedTuple):
    target: str
    user: User | None
    in_bytes: bool


class Growth:
    """The series of one audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._series: dict[_Key, Series] = {}
        self._told: set[_Key] = set()
        self.pause_until = 0.0
        self._begun = monotonic()
        self._keys: dict[tuple[str, User], tuple[_Key, ...]] = {}
        self.targets: set[str] = set()
        """What is followed here."""
        self._stayed: Callable[[], Iterable[Stayed]] = tuple
        self.units: defaultdict[_Key, int] = defaultdict(int)
        """Objects that were made in units of work, by target, and by target and user."""

    def is_warm(self) -> bool:
        """True once what is made to last has had its time to come to a number that stays."""
        return monotonic() - self._begun >= self._runtime.config.limits.warm_up

    def made(self, target: str, owner: User) -> None:
        """One more object was made in a unit of work."""
        keys = self._keys.get((target, owner))
        if keys is None:
            keys = self._keys_of(target, owner)
        for key in keys:
            self.units[key] += 1

    def _keys_of(self, target: str, owner: User) -> tuple[_Key, ...]:
        self.targets.add(target)
        over_all = _Key(target, None, False)
        if len(self._keys) >= _SERIES:
            return (over_all,)
        keys = self._keys[target, owner] = (over_all, _Key(target, owner, False))
        return keys

    def sample(self, stayed: Callable[[], Iterable[Stayed]]) -> None:
        """Follow how many stay; ``stayed`` is asked where a series is due."""
        due = [key for key in list(self.units) if self._is_due(key)]
        if not due:
            return
        self._stayed = stayed
        left = self._left()
        alive = Counter(_Key(one.target, None, False) for one in left)
        alive.update(_Key(one.target, one.owner, False) for one in left)
        lasting = {one.target for one in left if one.lasts}
        self._forget_gone(alive)
        for key in due:
            if key in self.units:
                self._add(key, self.units[key], alive[key], LEAST, lasts=key.target in lasting)
        if perf_counter() >= self.pause_until:
            self._sample_bytes([key for key in due if key.user is None], left)

    def _forget_gone(self, alive: Counter[_Key]) -> None:
        """A user of whom nothing is left does not take the place of another one; the series begins anew."""
        for key in [one for one in list(self.units) if one.user is not None and not alive[one]]:
            self._keys.pop((key.target, key.user), None)  # type: ignore[arg-type]
            self.units.pop(key, None)
            self._series.pop(key, None)

    def _left(self) -> list[Stayed]:
        # Who has switched the collector off collects when it suits: only what that has left is counted.
        every = gc.isenabled()
        return [one for one in self._stayed() if every or one.collected]

    def _sample_bytes(self, due: list[_Key], left: list[Stayed]) -> None:
        started = perf_counter()
        for counted in due:
            key = counted._replace(in_bytes=True)
            own = [one for one in left if one.target == key.target]
            if own and key not in self._told and counted not in self._told:
                self._add(key, self.units[counted], _size(own), _BYTES, lasts=True)
        ended = perf_counter()
        self.pause_until = ended + _SHARE * (ended - started)

    def _is_due(self, key: _Key) -> bool:
        if key in self._told:
            return False
        series = self._series.get(key)
        return series is None or self.units[key] - series.latest[-1][0] >= _UNITS

    def _add(self, key: _Key, units: int, value: float, least: float, *, lasts: bool) -> None:
        series = self._series.setdefault(key, Series())
        series.add(units, value)
        slope = None if lasts and not self.is_warm() else series.rising(least)
        if slope is None or self._is_told_already(key):
            return
        del self._series[key]
        if gc.isenabled():
            gc.collect()
        left = [one for one in self._left() if one.target == key.target and key.user in (None, one.owner)]
        value, before = _size(left) if key.in_bytes else len(left), value
        if value < before / 2:
            return  # it had not been collected yet: the series begins anew
        self._told.add(key)
        one = left[0].reference() if left else None
        found = None if one is None else holding(one)
        del one
        if left and (found is None or not (found.bounded or self._grows_with_its_holder(key, len(left), found))):
            span, words = units - series.latest[0][0], in_words(found)
            grown = Grown(key.target, key.user, key.in_bytes, slope, span, value, words, left[0].stack)
            self._runtime.publish(grown)

    def _grows_with_its_holder(self, key: _Key, number: int, found: Holding) -> bool:
        """True where objects of another target, which are as many, have these: it is about them."""
        others = [one for one in self._left() if one.target != key.target]
        holders = {one.target for one in others if id(one.reference()) in found.through}
        alive = Counter(one.target for one in others)
        return any(alive[target] >= number / 2 for target in holders)

    def _is_told_already(self, key: _Key) -> bool:
        """What is told over all users need not be told of each, and bytes grow with the number."""
        return any(one in self._told for one in (_Key(key.target, None, False), key._replace(in_bytes=False)))


def _size(own: list[Stayed]) -> int:
    measured = own[:_MEASURED]
    size = sum(0 if (one := stayed.reference()) is None else size_of(one) for stayed in measured)
    return size * len(own) // len(measured) if measured else 0


def in_words(found: Holding | None) -> str:
    """Who holds something."""
    return found.words if found is not None and found.words else "something that the garbage collector does not know"
