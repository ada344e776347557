"""Who crossed whom: pairs of users of all errors and warnings as one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.exporters.values import count, text

if TYPE_CHECKING:
    from collections.abc import Iterable

_USERS: Final = 15
"""Rows and columns of the table: those who met most."""

_LISTED: Final = 100
_SHADES: Final = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """How often two users met, and how dark that is: 0 (never) to 5."""

    count: int
    shade: int


@dataclass(frozen=True, slots=True)
class Row:
    """One user's work, and how often it met each of the others."""

    user: str
    cells: tuple[Cell, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows are the users whose work was running, columns those whom it met."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    pairs: tuple[tuple[str, str, int], ...]
    """The pairs that met most."""
    users: int
    pairs_known: int
    pairs_total: int
    """At least so many pairs met; a report has the first ones of each finding."""


def matrix(findings: Iterable[dict[str, Any]]) -> Matrix:
    """The table of all pairs that the report has."""
    met: dict[tuple[str, str], int] = {}
    most = 0
    for finding in findings:
        if finding["severity"] == "note":
            continue
        most = max(most, count(finding.get("pairs_total", 0)))
        for pair in finding.get("pairs", ()):
            users = text(pair["ambient"]), text(pair["other"])
            met[users] = met.get(users, 0) + count(pair["count"])
    whose, whom = _totals(met, 0), _totals(met, 1)
    rows, columns = _first(whose), _first(whom)
    highest = max(met.values(), default=0)
    return Matrix(
        columns,
        tuple(
            [
                Row(one, tuple([_cell(met.get((one, other), 0), highest) for other in columns]), whose[one])
                for one in rows
            ]
        ),
        tuple([(*pair, times) for pair, times in sorted(met.items(), key=lambda item: (-item[1], item[0]))[:_LISTED]]),
        len(whose.keys() | whom.keys()),
        len(met),
        max(most, len(met)),
    )


def _totals(met: dict[tuple[str, str], int], side: int) -> dict[str, int]:
    totals: dict[str, int] = {}
    for pair, times in met.items():
        totals[pair[side]] = totals.get(pair[side], 0) + times
    return totals


def _first(totals: dict[str, int]) -> tuple[str, ...]:
    """The users who met most, in the order of their names: a user has the same place in rows and columns."""
    most = sorted(totals, key=lambda user: (-totals[user], user))[:_USERS]
    return tuple(sorted(most))


def _cell(times: int, highest: int) -> Cell:
    return Cell(times, -(-times * _SHADES // highest) if times else 0)
