"""UUIDs as they are written as a rule: searched for around their first hyphen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.readings import LETTER
from isolation_audit.content.shapes.counted import Counted
from isolation_audit.content.shapes.edges import begins

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.content.readings import Reading

_HEX: Final = b"[0-9A-Fa-f]"
_FIRST: Final = _HEX + b"{8}-"
_REST: Final = b"%b{4}-%b{4}-%b{4}-%b{12}" % (_HEX, _HEX, _HEX, _HEX)
_IDENTIFIER: Final = pattern(_FIRST + _REST)
_AROUND: Final = pattern(b"-(?<=%b)%b%b(?![_-]*%b)" % (_FIRST, begins(_FIRST), _REST, LETTER))


class Uuids(Counted):
    """Searched for around hyphens."""

    @staticmethod
    def takes(identifier: bytes) -> bool:
        """Where it is one."""
        return _IDENTIFIER.fullmatch(identifier) is not None

    def candidates(self, reading: Reading) -> Iterable[bytes]:
        """All that the text has."""
        data = reading.data
        return {data[match.start() - 8 : match.end()] for match in _AROUND.finditer(data)}
