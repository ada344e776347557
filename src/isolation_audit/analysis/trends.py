"""Trends: whether a number rises with each unit of work, told by ranks and medians, which single peaks do not move."""

from __future__ import annotations

from itertools import combinations
from math import sqrt
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLES: Final = 32
"""Samples that a trend needs."""

UNITS: Final = 1_000
"""Units of work that they must span."""

LEAST: Final = 0.02
"""Slope a unit below which nothing is said: one object in fifty units."""

_SCORE: Final = 4.8
"""Score of the test by Mann and Kendall: of series without a trend fewer than one in a million are as far off."""


def rising(samples: Sequence[tuple[int, int]]) -> float | None:
    """The slope a unit, by Theil and Sen, of ``(units, count)`` that rise; None where they do not.

    Both halves must rise by themselves: what has filled up, as a cache does, does not rise any more.
    """
    if len(samples) < SAMPLES or samples[-1][0] - samples[0][0] < UNITS:
        return None
    middle = len(samples) // 2
    slopes = [_slope(part) for part in (samples, samples[:middle], samples[middle:])]
    return slopes[0] if min(slopes) >= LEAST and _score(samples) >= _SCORE else None


def _slope(samples: Sequence[tuple[int, int]]) -> float:
    return median((later[1] - one[1]) / (later[0] - one[0]) for one, later in combinations(samples, 2))


def _score(samples: Sequence[tuple[int, int]]) -> float:
    number = len(samples)
    pairs = sum((later[1] > one[1]) - (later[1] < one[1]) for one, later in combinations(samples, 2))
    return (pairs - 1) / sqrt(number * (number - 1) * (2 * number + 5) / 18)
