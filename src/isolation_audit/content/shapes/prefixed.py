"""Identifiers behind a prefix that many share: ``user-17``, ``run_5f7c``, ``auth0|5f7c8ec7``, ``org:alice``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.readings import LETTER, WORD
from isolation_audit.content.shapes.edges import begins, ends

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.content.readings import Reading

_PREFIXES: Final = 4
"""Each one costs a pass over the text; with more of them, other shapes are cheaper."""

_IDENTIFIER: Final = pattern(
    rb"((?:[A-Z]?[a-z]{2,}|[A-Z]{2,}|[A-Z][a-z])[0-9]{0,2}[_:|/-])(?:" + WORD + b"*" + LETTER + b")"
)


class Prefixed:
    """Searched for behind each prefix."""

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}
        self._patterns: tuple[tuple[bytes, re.Pattern[bytes]], ...] = ()

    def __len__(self) -> int:
        return len(self._patterns)

    @staticmethod
    def takes(identifier: bytes) -> bool:
        """Where there is a prefix."""
        return _IDENTIFIER.fullmatch(identifier) is not None

    def add(self, identifier: bytes) -> bool:
        """Where there is a prefix, and not too many others."""
        match = _IDENTIFIER.fullmatch(identifier)
        if match is None:
            return False
        prefix = match[1]
        if prefix not in self._counts:
            if len(self._counts) >= _PREFIXES:
                return False
            self._patterns = (*self._patterns, (prefix, _pattern(prefix)))
        self._counts[prefix] = self._counts.get(prefix, 0) + 1
        return True

    def remove(self, identifier: bytes) -> None:
        """Look for the prefix no more after its last identifier."""
        prefix = next(prefix for prefix in self._counts if identifier.startswith(prefix))
        self._counts[prefix] -= 1
        if not self._counts[prefix]:
            del self._counts[prefix]
            self._patterns = tuple([(one, _pattern(one)) for one in self._counts])

    def candidates(self, reading: Reading) -> Iterable[bytes]:
        """One pass for each prefix: to look first whether it stands in the text at all takes longer (measured)."""
        data, every = reading.data, []
        for _prefix, found in self._patterns:
            every += found.findall(data)
        return every


def _pattern(prefix: bytes) -> re.Pattern[bytes]:
    """The prefix at the beginning of a word, with the rest of it."""
    plain = re.escape(prefix)
    joined = prefix[-1:] not in b"_-"
    return re.compile(plain + begins(plain, joined=joined) + WORD + b"*" + LETTER + ends(joined=joined))
