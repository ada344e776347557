"""What is measured: rows with their goals, declared once, beside the function that measures them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

Figures = dict[str, float]


class NotMeasured(Exception):  # noqa: N818 - a fact about a row, not an error
    """Why a row has no figure on this machine."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure has to be: at most, or at least, so much."""

    limit: float
    least: bool = False

    def met(self, figure: float) -> bool:
        """Whether the figure is good enough."""
        return figure >= self.limit if self.least else figure <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.least else '<='} {self.limit:g}"


def at_most(limit: float) -> Goal:
    """A goal for what should be small."""
    return Goal(limit)


def at_least(limit: float) -> Goal:
    """A goal for what should be large."""
    return Goal(limit, least=True)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: its key in the JSON, its goal, if it has one, what it tells, and its unit (a ratio has none)."""

    key: str
    what: str
    goal: Goal | None = None
    unit: str = "x"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much time a run may take: 1 is the usual; tests of the harness take less."""

    scale: float = 1.0

    def times(self, usual: int) -> int:
        """How often to do what is usually done so often."""
        return max(1, round(usual * self.scale))


@dataclass(frozen=True, slots=True)
class Measured:
    """What a part found: figures by key, and, for the rows without one, why."""

    figures: Figures = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are measured together, in one process of their own."""

    name: str
    rows: tuple[Row, ...]
    measure: Callable[[Effort], Measured]
    detail: bool
    """Measured only where it is asked for: what explains other rows."""


PARTS: dict[str, Part] = {}


def measures(
    name: str, rows: list[Row], *, detail: bool = False
) -> Callable[[Callable[[Effort], Measured]], Callable[[Effort], Measured]]:
    """Declare the rows that a function measures."""

    def declare(function: Callable[[Effort], Measured]) -> Callable[[Effort], Measured]:
        taken = {row.key for part in PARTS.values() for row in part.rows}
        twice = [row.key for row in rows if row.key in taken]
        if twice or name in PARTS:
            raise ValueError(f"declared twice: {twice or name}")
        PARTS[name] = Part(name, tuple(rows), function, detail)
        return function

    return declare
