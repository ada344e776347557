"""Identifiers of one word that nothing leads to (``alice``): the text is cut into words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.readings import WORD
from isolation_audit.content.shapes.counted import Counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.content.readings import Reading

_IDENTIFIER: Final = pattern(WORD + b"+")


class Words(Counted):
    """All words are looked up."""

    @staticmethod
    def takes(identifier: bytes) -> bool:
        """Where it is one word."""
        return _IDENTIFIER.fullmatch(identifier) is not None

    def candidates(self, reading: Reading) -> Iterable[bytes]:
        """All of them."""
        return reading.words()
