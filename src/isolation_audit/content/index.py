"""The index of live identifiers, and the search for them in text; the cost of a search does not depend on their number.

Two ways, chosen by what the identifiers look like. Where all of them begin with one of a few prefixes (``user-``,
``run_``), the text is searched for the prefixes, and only what follows one is looked up. Otherwise the whole text is
cut into words, and the words are looked up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.identity.users import User

SHORTEST: Final = 3
"""Characters below which an identifier is taken for an ordinary word, and not searched for."""

_LONGEST: Final = 256
"""Characters to the left of a joint beyond which a word is no identifier."""

_PREFIXES: Final = 8
_PREFIX: Final = re.compile(r"[^\W\d_]{2,}[_:-](?=.)", re.ASCII)
_TOKEN: Final = re.compile(r"[\w@.+:-]+")
_JOINTS: Final = "@:+."
"""Signs that join words to one identifier, the rarest in ordinary text first."""
_LETTER: Final = re.compile(r"\w")

# Everything that no identifier contains becomes a space; with and without the signs that join words (a.b, a@b, a:b).
_WHOLE: Final = {code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) in "_-@.+:")}
_PIECES: Final = {**_WHOLE, **{ord(joint): " " for joint in _JOINTS}}


@dataclass(frozen=True, slots=True)
class Mark:
    """What a found identifier says: whose it is, and whether it is a secret that may not even be mentioned."""

    user: User
    kind: str
    secret: bool = False


class Index:
    """Identifier -> :class:`Mark`; bounded: beyond ``limit`` the oldest identifier is forgotten and counted."""

    def __init__(self, *, limit: int = 100_000) -> None:
        self._marks: dict[str, Mark] = {}
        self._prefixes: dict[str, None] | None = {}
        """The prefixes of all identifiers; None once there are too many, or an identifier without one."""
        self._joints: set[str] | None = None
        """The joints that every identifier with any has; None while there is no such identifier."""
        self._limit = limit
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, identifier: str, mark: Mark) -> None:
        """Search for ``identifier`` from now on; short ones and numbers would be found everywhere and are left out."""
        if identifier in self._marks:
            self._marks[identifier] = mark
            return
        if len(identifier) < SHORTEST or (identifier.isdecimal() and len(identifier) < 2 * SHORTEST):
            return
        if _TOKEN.fullmatch(identifier) is None:
            return
        self._marks[identifier] = mark
        joints = {joint for joint in _JOINTS if joint in identifier}
        if joints:
            self._joints = joints if self._joints is None else self._joints & joints
        self._learn_prefix(identifier)
        if len(self._marks) > self._limit:
            try:
                del self._marks[next(iter(self._marks))]
                self.evicted += 1
            except (KeyError, RuntimeError, StopIteration):
                pass  # another thread evicts at this moment

    def _learn_prefix(self, identifier: str) -> None:
        if self._prefixes is None:
            return
        match = _PREFIX.match(identifier)
        if match is None:
            self._prefixes = None
        elif match[0] not in self._prefixes:
            # A new dict each time: a search on another thread goes on with the one that it began with.
            grown = {**self._prefixes, match[0]: None}
            self._prefixes = grown if len(grown) <= _PREFIXES else None

    def find(self, text: str) -> Iterator[Mark]:
        """The marks of the identifiers in ``text``; each occurrence may bring its mark again."""
        prefixes = self._prefixes
        if prefixes is not None:
            for prefix in prefixes:
                yield from self._after(prefix, text)
        else:
            yield from self._among_words(text)

    def _after(self, prefix: str, text: str) -> Iterator[Mark]:
        position = text.find(prefix)
        while position >= 0:
            end = position + len(prefix)
            # Only at the start of a word: `user-7` is not in `superuser-7`.
            if position == 0 or _LETTER.match(text, position - 1) is None:
                match = _TOKEN.match(text, position)
                if match is not None:
                    mark = self._lookup(match[0])
                    if mark is not None:
                        yield mark
            position = text.find(prefix, end)

    def _lookup(self, token: str) -> Mark | None:
        marks = self._marks
        mark = marks.get(token)
        # `user-7.name` and `user-7:` hold user-7; `user-7-8` is another identifier.
        while mark is None and (cut := max(token.rfind(joint) for joint in _JOINTS)) > 0:
            token = token[:cut]
            mark = marks.get(token)
        return mark or marks.get(token.rstrip("-"))

    def _among_words(self, text: str) -> Iterator[Mark]:
        marks = self._marks
        yield from self._known(marks, text.translate(_PIECES).split())
        if self._joints is not None:
            joint = next((joint for joint in _JOINTS if joint in self._joints), None)
            if joint is None:
                yield from self._known(marks, text.translate(_WHOLE).split())
            else:
                yield from self._around(joint, text)

    @staticmethod
    def _known(marks: dict[str, Mark], words: list[str]) -> Iterator[Mark]:
        # One pass in C for the usual case, in which there is nothing.
        if not marks.keys().isdisjoint(words):
            yield from (marks[word] for word in words if word in marks)

    def _around(self, joint: str, text: str) -> Iterator[Mark]:
        position = text.find(joint)
        while position >= 0:
            start = position
            while start > 0 and position - start < _LONGEST and _TOKEN.match(text, start - 1):
                start -= 1
            match = _TOKEN.match(text, start)
            end = match.end() if match is not None else position + 1
            mark = self._lookup(text[start:end])
            if mark is not None:
                yield mark
            position = text.find(joint, end)
