"""The counts of several processes, added up before they are judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Counts = dict[str, Any]


def added_up(parts: Iterable[Counts]) -> Counts:
    """The counts of several processes, added up."""
    total: Counts = {}
    for part in parts:
        total = _add(total, {key: value for key, value in part.items() if key not in ("verdict", "reasons")})
    return total


def _add(one: Counts, other: Counts) -> Counts:
    total = dict(one)
    for key, value in other.items():
        if isinstance(value, dict):
            total[key] = _add(total.get(key, {}), value)
        elif key == "paths":
            total[key] = _add_paths(total.get(key, []), value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            total[key] = total.get(key, 0) + value
        else:
            total.setdefault(key, value)
    return total


def _add_paths(one: list[Counts], other: list[Counts]) -> list[Counts]:
    rows = {(row["where"], row["path"]): dict(row) for row in one}
    for row in other:
        known = rows.setdefault((row["where"], row["path"]), {**row, "asked": 0, "gave": 0})
        known["asked"] += row["asked"]
        known["gave"] += row["gave"]
    return list(rows.values())
