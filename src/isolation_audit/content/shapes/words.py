"""Identifiers of one word that nothing leads to (``alice``): the text is cut into words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from isolation_audit.content.readings import WORD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.content.readings import Reading

_IDENTIFIER: Final = re.compile(WORD + b"+")


class Words:
    """All words are looked up."""

    def __init__(self) -> None:
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def add(self, identifier: bytes) -> bool:
        """Where it is one word."""
        if _IDENTIFIER.fullmatch(identifier) is None:
            return False
        self._number += 1
        return True

    def remove(self, _identifier: bytes) -> None:
        """One less."""
        self._number -= 1

    def candidates(self, reading: Reading) -> Iterable[bytes]:
        """All of them."""
        return reading.words()
