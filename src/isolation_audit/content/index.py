"""The index of live identifiers, and the search for them in text; the cost of a search does not depend on their number.

Each shape of identifiers is searched for in its own way, and only those shapes are that some identifier has. A search
gives candidates, cut out of the text at its words' ends, and a candidate is looked up in one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from isolation_audit.content.readings import Reading, encoded, is_unspaced, readings
from isolation_audit.content.shapes.addresses import Addresses
from isolation_audit.content.shapes.mixed import Mixed
from isolation_audit.content.shapes.phrases import Phrases
from isolation_audit.content.shapes.prefixed import Prefixed
from isolation_audit.content.shapes.uuids import Uuids
from isolation_audit.content.shapes.words import Words
from isolation_audit.model.users import User, same

if TYPE_CHECKING:
    from isolation_audit.content.shapes import Shape

SHORTEST: Final = 3
"""Characters below which an identifier is taken for an ordinary word, and not searched for."""

SHORTEST_NUMBER: Final = 9
"""The same for digits alone: smaller numbers are amounts and counts more often than users."""

LONGEST: Final = 256

_UNKNOWN: Final = object()


@dataclass(frozen=True, slots=True)
class Mark:
    """What a found identifier says: whose it is, and whether it is a secret that may not even be mentioned."""

    user: User
    secret: bool = False


class Index:
    """Identifier -> :class:`Mark`. The tables that feed it say when to forget: it is as bounded as they are."""

    def __init__(self) -> None:
        self._marks: dict[bytes, Mark | None] = {}
        """None for what several users have had, which tells nothing."""
        self._shapes: tuple[Shape, ...] = (Addresses(), Uuids(), Prefixed(), Mixed(), Words(), Phrases())
        """The first that takes an identifier has it; the cheap ones first."""
        self._refused: dict[bytes, Shape] = {}
        """Of those that the first shape which takes such identifiers had no room for: which has them instead."""
        self._searched: tuple[Shape, ...] = ()
        """The shapes that have identifiers."""
        self._unspaced = False
        self.version = 0
        """A number that changes with what is searched for."""

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, identifier: str, mark: Mark) -> bool:
        """Search for ``identifier`` from now on; False where it would be found everywhere, and is left out."""
        if not SHORTEST <= len(identifier) <= LONGEST:
            return False
        if identifier.isdecimal() and len(identifier) < SHORTEST_NUMBER:
            return False
        key = encoded(identifier)
        self.version += 1
        if key in self._marks:
            self._again(key, mark)
            return True
        shape = next((shape for shape in self._shapes if shape.add(key)), None)
        if shape is None:
            return False
        self._marks[key] = mark
        if shape is not self._first(key):
            self._refused[key] = shape
        if shape not in self._searched:
            # A new tuple: a search on another thread goes on with the one that it began with.
            self._searched = (*filter(len, self._shapes),)
        self._unspaced = self._unspaced or is_unspaced(identifier)
        return True

    def forget(self, identifier: str) -> None:
        """Search for it no more."""
        key = encoded(identifier)
        if self._marks.pop(key, _UNKNOWN) is not _UNKNOWN:
            self.version += 1
            shape = self._refused.pop(key, None) or self._first(key)
            if shape is not None:
                shape.remove(key)
            self._searched = (*filter(len, self._shapes),)

    def mark_of(self, user: User) -> Mark:
        """What an identifier of this user says that is no secret: one object for all of them, where the id is known."""
        known = self._marks.get(encoded(user.id))
        return known if known is not None and known.user is user and not known.secret else Mark(user)

    def _first(self, key: bytes) -> Shape | None:
        return next((shape for shape in self._shapes if shape.takes(key)), None)

    def _again(self, key: bytes, mark: Mark) -> None:
        known = self._marks[key]
        if mark.secret:
            self._marks[key] = mark
        elif known is not None and not known.secret and not same(known.user, mark.user):
            self._marks[key] = None

    def find(self, text: str) -> tuple[list[Mark], bool]:
        """The marks of the identifiers in ``text``, each once; False where the search was cut short."""
        searched = self._searched
        if not searched:
            return [], True
        if text.isascii() and "\\" not in text and "%" not in text:
            every = [Reading(text.encode())]  # it is read in one way only: no sign in it stands for another
        else:
            every = readings(text, unspaced=self._unspaced)
        marks, complete = self._marks, True
        known, get = marks.__contains__, marks.get
        found: dict[bytes, Mark | None] = {}
        first: Mark | None = None
        of_one = True
        for reading in every:
            for shape in searched:
                for key in filter(known, shape.candidates(reading)):
                    mark = found[key] = get(key)
                    if first is None:
                        first = mark
                    if mark is None or first is None or mark.user is not first.user or mark.secret is not first.secret:
                        of_one = False
            complete = complete and not reading.cut
        if of_one:
            # As a rule: then it is the same which of them stand in longer ones.
            return [] if first is None else [first], complete
        return _told_apart(found, text), complete


def _told_apart(found: dict[bytes, Mark | None], text: str) -> list[Mark]:
    """The marks of several users' identifiers, but for those that stand nowhere but inside of longer ones."""
    marks = {key: mark for key, mark in found.items() if mark is not None}
    together = b"\0".join(found)
    if any(together.count(key) > 1 for key in found):
        keys = set(found)
        marks = {key: mark for key, mark in marks.items() if mark.secret or not _only_inside(key, keys, text)}
    return list(dict.fromkeys(marks.values()))


def _only_inside(key: bytes, keys: set[bytes], text: str) -> bool:
    """True where an identifier stands nowhere but inside of longer ones: ``alice`` in ``alice.liddell``."""
    longer = [other for other in keys if key in other and len(other) > len(key)]
    if not longer:
        return False
    for other in sorted(longer, key=lambda one: (-len(one), one)):
        text = text.replace(other.decode(errors="replace"), "\0")
    return key.decode(errors="replace") not in text
