"""UUIDs as they are written as a rule: searched for around their first hyphen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from isolation_audit.content.readings import LETTER
from isolation_audit.content.shapes.edges import begins

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.content.readings import Reading

_HEX: Final = b"[0-9A-Fa-f]"
_FIRST: Final = _HEX + b"{8}-"
_REST: Final = b"%b{4}-%b{4}-%b{4}-%b{12}" % (_HEX, _HEX, _HEX, _HEX)
_IDENTIFIER: Final = re.compile(_FIRST + _REST)
_AROUND: Final = re.compile(b"-(?<=%b)%b%b(?![_-]*%b)" % (_FIRST, begins(_FIRST), _REST, LETTER))


class Uuids:
    """Searched for around hyphens."""

    def __init__(self) -> None:
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def add(self, identifier: bytes) -> bool:
        """Where it is one."""
        if _IDENTIFIER.fullmatch(identifier) is None:
            return False
        self._number += 1
        return True

    def remove(self, _identifier: bytes) -> None:
        """One less."""
        self._number -= 1

    def candidates(self, reading: Reading) -> Iterable[bytes]:
        """All that the text has."""
        data = reading.data
        return {data[match.start() - 8 : match.end()] for match in _AROUND.finditer(data)}
