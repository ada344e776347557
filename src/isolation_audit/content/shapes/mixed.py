"""Words in which digits stand beside letters, and large numbers: UUIDs, tokens in hex or base 64, ``alice42``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.readings import JOINTS, LETTER, WORD
from isolation_audit.content.shapes.counted import Counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.content.readings import Reading

_IDENTIFIER: Final = pattern(b"%b(?:%b*%b)?" % (LETTER, WORD, LETTER))


def _kind(code: int) -> int:
    sign = bytes([code])
    if sign.isdigit():
        return ord("0")
    return ord("a") if re.match(WORD, sign) else ord(" ")


_KINDS: Final = bytes(map(_kind, range(256)))
_ANCHOR: Final = pattern(rb"0(?<!00)(?:(?<=a0)|0*a|0{8})[a0]*")
"""The first digit in a row, where a letter is beside the row or it has nine digits; with the rest of the word.

It begins with a plain sign, and with one that is rare in texts: so it is searched for quickly.
"""


class Mixed(Counted):
    """Searched for in a sketch of the text, where digits are ``0`` and everything else in words is an ``a``."""

    @staticmethod
    def takes(identifier: bytes) -> bool:
        """Where it has such a place."""
        return (
            _IDENTIFIER.fullmatch(identifier) is not None and _ANCHOR.search(identifier.translate(_KINDS)) is not None
        )

    def candidates(self, reading: Reading) -> Iterable[bytes]:
        """The words that the sketch shows."""
        data = reading.data
        sketch = data.translate(_KINDS)
        words = {data[sketch.rfind(b" ", 0, match.start()) + 1 : match.end()] for match in _ANCHOR.finditer(sketch)}
        return [word.strip(JOINTS) for word in words]
