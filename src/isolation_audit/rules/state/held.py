"""What the values hold that one unit has written, found out once for each of them while the unit is settled."""

from __future__ import annotations

from typing import Any

from isolation_audit.rules.state.atoms import hashes
from isolation_audit.rules.state.contents import texts


class Held:
    """Texts and atoms of values that are looked at one after the other, many of them several times."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[Any, tuple[str, ...]]] = {}
        """By identity; the values are held, so that their identities stay their own."""
        self._atoms: dict[tuple[str, ...], frozenset[int]] = {}

    def texts(self, value: Any) -> tuple[str, ...]:
        """The texts in a value."""
        known = self._texts.get(id(value))
        if known is None:
            known = self._texts[id(value)] = (value, tuple(texts(value)))
        return known[1]

    def atoms(self, held: tuple[str, ...]) -> frozenset[int]:
        """The hashes of the atoms of texts that are held together."""
        found = self._atoms.get(held)
        if found is None:
            found = self._atoms[held] = hashes("\0".join(held))
        return found
