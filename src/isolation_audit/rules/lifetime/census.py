"""The census: how many objects there are of each class of the application, and of what has to be closed.

Growth of classes that no configuration names is found in this way: what a handler appends to a list, sessions and
clients that nobody closes. Only the oldest generation of the garbage collector is counted, which holds what has
survived, and only as often as its cost allows.
"""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.trends import Series
from isolation_audit.instrument.heap.holding import holding
from isolation_audit.instrument.heap.kinds import kinds_of_all
from isolation_audit.rules.lifetime.growth import Grown, in_words
from isolation_audit.rules.lifetime.interest import is_of_interest, name_of

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.rules.lifetime.growth import Growth

_OLDEST: Final = 2
_PART: Final = 4_000
"""Objects that are counted at a time."""
_LARGEST: Final = 1_000_000
"""Objects of a heap beyond which it is not counted any more."""
_SHARE: Final = 1_000
"""A census is made again after so many times as long as the last one took."""
_UNITS: Final = 16
_FEW: Final = 20
"""Objects of a class below which it is not followed."""
_CLASSES: Final = 5_000
"""Classes that are known."""


@dataclass(slots=True, eq=False)
class _Class:
    """One class, as long as it is there: by its identity, since a metaclass may compare as it likes."""

    reference: weakref.ref[type]
    is_of_interest: bool
    series: Series = field(default_factory=Series)
    told: bool = False


class Census:
    """The counts of one audit; ``growth`` follows the targets, which are left out here."""

    def __init__(self, runtime: Runtime, growth: Growth) -> None:
        self._runtime = runtime
        self._growth = growth
        self._classes: dict[int, _Class] = {}
        self.pause_until = 0.0
        self._units = -_UNITS
        self._too_large = False

    def count(self) -> None:
        """Make one, where enough units have ended and the last one is long enough ago."""
        tally = self._runtime.tally
        units = tally.scopes + tally.requests
        if self._too_large or units - self._units < _UNITS or perf_counter() < self.pause_until or not gc.isenabled():
            return
        self._units, started = units, perf_counter()
        for kind, number in self._numbers():
            known = self._known(kind)
            if known is not None and known.is_of_interest and not known.told:
                known.series.add(units, number)
                slope = known.series.rising() if self._growth.is_warm() else None
                if slope is not None:
                    self._tell(known, kind, slope, number, units)
        self.pause_until = perf_counter() + _SHARE * (perf_counter() - started)

    def _numbers(self) -> list[tuple[type, int]]:
        kinds = kinds_of_all(_OLDEST)
        self._too_large = len(kinds) > _LARGEST
        found: Counter[int] = Counter()
        by_id: dict[int, type] = {}
        for start in range(0, len(kinds), _PART):
            part = kinds[start : start + _PART]
            found.update(map(id, part))
            by_id.update(zip(map(id, part), part, strict=True))
            sleep(0)
        return [(by_id[key], number) for key, number in found.items() if number >= _FEW or key in self._classes]

    def _known(self, kind: type) -> _Class | None:
        key, classes = id(kind), self._classes
        known = classes.get(key)
        if known is None and len(classes) < _CLASSES:

            def forget(_reference: object) -> None:
                classes.pop(key, None)

            followed = name_of(kind) not in self._growth.targets and is_of_interest(kind)
            known = classes[key] = _Class(weakref.ref(kind, forget), followed)
        return known

    def _tell(self, known: _Class, kind: type, slope: float, number: int, units: int) -> None:
        span, known.series = units - known.series.latest[0][0], Series()
        gc.collect()
        # Instances refer to their class. Of all objects there must be no list: see ``instrument/heap/kinds.py``.
        left = [one for one in gc.get_referrers(kind) if type(one) is kind]
        if len(left) < number / 2:
            return  # it had not been collected yet: the series begins anew
        known.told = True
        one = left[-1]
        del left
        found = holding(one)
        del one
        if found is not None and not (found.bounded or found.ours):
            self._runtime.publish(Grown(name_of(kind), None, False, slope, span, number, in_words(found), ()))
