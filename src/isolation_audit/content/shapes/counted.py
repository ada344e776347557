"""What shapes have in common whose search needs nothing of the identifiers but that there are some."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.content.readings import Reading


class Counted(ABC):
    """A :class:`~isolation_audit.content.shapes.Shape` that counts its identifiers."""

    def __init__(self) -> None:
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def add(self, identifier: bytes) -> bool:
        """Count it, where it has this shape."""
        taken = self.takes(identifier)
        self._number += taken
        return taken

    def remove(self, _identifier: bytes) -> None:
        """One less."""
        self._number -= 1

    @staticmethod
    @abstractmethod
    def takes(identifier: bytes) -> bool:
        """True for what has this shape."""

    @abstractmethod
    def candidates(self, reading: Reading) -> Iterable[bytes]:
        """What stands in the text for itself, and may be one of the identifiers."""
