"""Trends: whether a number rises with each unit of work, told by ranks, medians and steps, which no single peak moves.

Three things are asked of a series: a slope by Theil and Sen, in each half of it; a score by Mann and Kendall, which is
right for values that scatter around a line; and a score of its steps, which is right for values that wander, as a
number of sessions does that come and go. A series without a trend passes one of the two tests now and then, not both:
of a thousand series of each kind that the tests simulate, looked at after each sample, fewer than one is told.
"""

from __future__ import annotations

from itertools import combinations, pairwise
from math import inf, sqrt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLES: Final = 32
"""Samples that a trend needs."""

MOST: Final = 64
"""Samples that are kept of a series."""

UNITS: Final = 1_000
"""Units of work that they must span."""

LEAST: Final = 0.02
"""Slope a unit below which nothing is said: one object in fifty units."""

_SCORE: Final = 4.8
"""Score of the test by Mann and Kendall: of values that scatter fewer than one in a million are as far off."""

_STEPS: Final = 8.0
"""Score of the steps, whose mean is compared with its error; steps that follow on each other are counted as such."""

_LAG: Final = 8
"""Steps apart which may still have to do with each other."""


class Series:
    """The samples of one number: ``(units, value)``, the latest ones and, thinned out, all since the beginning."""

    __slots__ = ("_every", "_skipped", "latest", "whole")

    def __init__(self) -> None:
        self.latest: list[tuple[int, float]] = []
        self.whole: list[tuple[int, float]] = []
        self._every = self._skipped = 1

    def add(self, units: int, value: float) -> None:
        """One more sample."""
        self.latest.append((units, value))
        if len(self.latest) > MOST:
            del self.latest[0]
        if self._skipped < self._every:
            self._skipped += 1
            return
        self._skipped = 1
        self.whole.append((units, value))
        if len(self.whole) > MOST:
            self.whole = self.whole[::2]
            self._every *= 2

    def rising(self, least: float = LEAST) -> float | None:
        """The slope of the latest samples, or of all, where they rise."""
        found = rising(self.latest, least)
        return rising(self.whole, least) if found is None and self._every > 1 else found


def rising(samples: Sequence[tuple[int, float]], least: float = LEAST) -> float | None:
    """The slope a unit, by Theil and Sen, of ``(units, value)`` that rise; None where they do not.

    Both halves must rise by themselves: what has filled up, as a cache does, does not rise any more.
    """
    if len(samples) < SAMPLES or samples[-1][0] - samples[0][0] < UNITS or samples[-1][1] <= samples[0][1]:
        return None
    middle = len(samples) // 2
    if _steps(samples) < _STEPS or _score(samples) < _SCORE:
        return None
    slopes = [_slope(part) for part in (samples, samples[:middle], samples[middle:])]
    return slopes[0] if min(slopes) >= least else None


def _slope(samples: Sequence[tuple[int, float]]) -> float:
    from statistics import median  # with fractions and decimals, and few audits come to this

    return median((later[1] - one[1]) / (later[0] - one[0]) for one, later in combinations(samples, 2))


def _score(samples: Sequence[tuple[int, float]]) -> float:
    number = len(samples)
    pairs = sum((later[1] > one[1]) - (later[1] < one[1]) for one, later in combinations(samples, 2))
    return (pairs - 1) / sqrt(number * (number - 1) * (2 * number + 5) / 18)


def _steps(samples: Sequence[tuple[int, float]]) -> float:
    """The mean step by its error (Newey and West)."""
    steps = [later[1] - one[1] for one, later in pairwise(samples)]
    mean, number = sum(steps) / len(steps), len(steps)
    off = [step - mean for step in steps]
    error = sum(one * one for one in off)
    for lag in range(1, _LAG):
        error += 2 * (1 - lag / _LAG) * sum(one * later for one, later in zip(off, off[lag:], strict=False))
    return mean * number / sqrt(error) if error > 1e-9 else inf
