"""Modules of the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


class ImportedModules:
    """Modules whose code has been executed."""

    __slots__ = ()

    def look(self) -> None:
        """Find those that were there before anybody told of them."""

    def imported(self, module: ModuleType, name: str, *, again: bool = True) -> None:
        """A module is complete."""
