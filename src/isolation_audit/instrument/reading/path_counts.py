"""How often each configured path was asked for a value, and how often it gave one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.config.paths import Path

ASKED: Final = 0
GAVE: Final = 1

_TABLES: Final = {
    "Engine": "engines",
    "Deprecation": "deprecations",
    "Emitter": "emitters",
    "Rooms": "rooms",
    "Scope": "scopes",
}
"""The table of the configuration in which an entry of each type stands."""


class PathCounts:
    """One cell a path of an entry: ``[asked, gave]``. Every method of the entry's target counts in the same cell."""

    def __init__(self, sum_up: Callable[[], None] = lambda: None) -> None:
        self._sum_up = sum_up
        self._cells: dict[tuple[str, str], list[int]] = {}

    def of(self, entry: Any, key: str) -> Callable[[Path], list[int]]:
        """The cells of the paths under ``key`` of one entry of the configuration."""
        name = getattr(entry, "target", None) or entry.name
        return self.under(f"[[{_TABLES[type(entry).__name__]}]] {name}: {key}")

    def under(self, where: str) -> Callable[[Path], list[int]]:
        """The cells of the paths that stand at ``where`` in the configuration."""
        return lambda path: self._cells.setdefault((where, path.text), [0, 0])

    def as_list(self) -> list[dict[str, Any]]:
        """JSON form, in the order in which the paths were put to use."""
        self._sum_up()
        return [
            {"where": where, "path": path, "asked": cell[ASKED], "gave": cell[GAVE]}
            for (where, path), cell in list(self._cells.items())
        ]

    def clear(self) -> None:
        """Start again from nothing, in place: the readers hold the cells."""
        self._sum_up()
        for cell in list(self._cells.values()):
            cell[:] = [0, 0]
