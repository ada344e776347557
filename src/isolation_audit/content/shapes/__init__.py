"""Shapes of identifiers: each is searched for in its own way, around what only identifiers of that shape have.

One file a shape. A text is not cut into words where something rarer leads to the identifiers: a prefix, an at sign, a
digit beside a letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.content.readings import Reading


class Shape(Protocol):
    """The identifiers of one shape, as the readings spell them. What a search costs depends on the text alone."""

    def __len__(self) -> int: ...

    def takes(self, identifier: bytes) -> bool:
        """True for what has this shape."""

    def add(self, identifier: bytes) -> bool:
        """Lead to it from now on, once for each time it is added; False where it has another shape, or there is no
        room for it."""

    def remove(self, identifier: bytes) -> None:
        """Take it out again, after it was added."""

    def candidates(self, reading: Reading) -> Iterable[bytes]:
        """What stands in the text for itself, and may be one of the identifiers."""
