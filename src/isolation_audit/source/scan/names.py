"""What the bytes of a file say of names that several things may have: which it has, gives and takes as a fallback.

Nothing of it depends on other files, so that it is read once and kept as long as the file is the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.fallbacks import Fallback, fallbacks
from isolation_audit.source.scan.reading import contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Two patterns of plain letters are found many times faster than one that may begin with either.
_ENDS: Final = (re.compile(rb"actory\b"), re.compile(rb"egistry\b"))
_LETTERS: Final = re.compile(rb"\w*")
_WHOLE: Final = ("Factory", "Registry", "factory", "registry")
_BLANKS: Final = (b" ", b"\t")
_DEFINING: Final = frozenset({b"class", b"def", b"async def"})
_LONGEST: Final = 128
"""Letters of such a name before its ending."""


@dataclass(frozen=True, slots=True)
class Names:
    """One file; of most there is none."""

    has: frozenset[str] = frozenset()
    """Configured names that stand in it, also within longer ones, and names that end as factories' and registries'."""
    gives: tuple[str, ...] = ()
    """The factories and registries that it defines."""
    fallbacks: tuple[Fallback, ...] = ()

    def as_json(self) -> list[Any]:
        """For the cache."""
        return [sorted(self.has), self.gives, self.fallbacks]

    @classmethod
    def from_json(cls, value: list[Any]) -> Names:
        """The reverse of :meth:`as_json`.

        Raises:
            TypeError, ValueError: ``value`` is something else.
        """
        has, gives, taken = value
        return cls(frozenset(map(str, has)), (*map(str, gives),), tuple([Fallback(*one) for one in taken]))


@dataclass(frozen=True, slots=True)
class Naming:
    """The job of reading the names of one file."""

    configured: tuple[tuple[str, tuple[str, ...]], ...]
    """Names that have no other one in them, and with each all that have it in them, itself included."""

    @classmethod
    def of(cls, configured: Iterable[str]) -> Naming:
        """The job of looking for these names: of most files few words have to be looked for."""
        found: dict[str, list[str]] = {}
        for name in sorted(configured, key=len):
            found.setdefault(next((short for short in found if short in name), name), []).append(name)
        return cls(tuple([(short, tuple(names)) for short, names in found.items()]))

    def __call__(self, path: str) -> Names | None:
        """Read one file."""
        try:
            data = contents(path)
        except OSError:
            return None  # the scan has told of it
        has: set[str] = set()
        for short, names in self.configured:
            if short.encode() in data:
                has.update(name for name in names if name.encode() in data)
        gives: dict[str, None] = {}
        if b"actory" in data or b"egistry" in data:
            for name, is_given in _ending(data):
                has.add(name)
                if is_given:
                    gives[name] = None
        taken: tuple[Fallback, ...] = ()
        # Decoding and looking takes ten times as long as this.
        if b"\nexcept" in data or b"ImportError" in data or b"NotFoundError" in data:
            taken = (*fallbacks(data.decode("utf-8", "replace")),)
        return Names(frozenset(has), (*gives,), taken) if has or taken else None


def _ending(data: bytes) -> Iterator[tuple[str, bool]]:
    """The words of a file that end so, and whether each is defined there, at the beginning of a line.

    A pattern for the whole word would be tried at every letter, and one for the whole line at every line.
    """
    for end in chain.from_iterable(ends.finditer(data) for ends in _ENDS):
        start = end.start()
        letters = _LETTERS.match(data[max(0, start - _LONGEST) : start][::-1])
        if letters is not None:
            start -= letters.end()
        name = data[start : end.end()].decode("ascii", "replace")
        is_given = False
        if data[start - 1 : start] in _BLANKS and name.endswith(_WHOLE):
            is_given = data[data.rfind(b"\n", 0, start) + 1 : start].rstrip(b" \t") in _DEFINING
        yield name, is_given
