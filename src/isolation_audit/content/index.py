"""The index of live identifiers, and the search for them in text; the cost of a search does not depend on their number.

The text is cut into words, and the words are looked up. An identifier that is itself several words (an e-mail address,
``auth0|5f7c``) is looked for where the rarest of its words turned up. Where all identifiers begin with one of a few
prefixes (``user-``, ``run_``), only the surroundings of those prefixes are cut into words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from isolation_audit.identity.users import User, same

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST: Final = 3
"""Characters below which an identifier is taken for an ordinary word, and not searched for."""

SHORTEST_NUMBER: Final = 9
"""The same for digits alone: smaller numbers are amounts and counts more often than users."""

LONGEST: Final = 256

WORK: Final = 20_000_000
"""Characters that the search for identifiers of several words may run over, for one text: some 20 ms."""

_AROUND: Final = 4
"""Characters beside an identifier that are looked at, to see whether it ends there."""

_PREFIXES: Final = 8
_PREFIX: Final = re.compile(r"[^\W\d_]{2,}[_:-](?=.)", re.ASCII)
_WORD: Final = re.compile(r"[\w-]+")
_UNSPACED: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
"""Scripts that are written without spaces: an identifier of other letters ends where they begin."""

_SEPARATED: Final = {code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) in "_-")}
_ESCAPE: Final = re.compile(r"((?:\\u[0-9a-fA-F]{4})+)|\\.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a found identifier says: whose it is, and whether it is a secret that may not even be mentioned."""

    user: User
    secret: bool = False


class Index:
    """Identifier -> :class:`Mark`. The tables that feed it say when to forget: it is as bounded as they are."""

    def __init__(self) -> None:
        self._words: dict[str, Mark | None] = {}
        """Identifiers of one word; None for one that several users have had, which tells nothing."""
        self._phrases: dict[str, Mark | None] = {}
        """Identifiers of several words."""
        self._heads: dict[str, tuple[str, ...]] = {}
        """A word -> the identifiers of several words that are looked for where it turns up."""
        self._prefixes: tuple[str, ...] | None = ()
        """The prefixes of all identifiers; None once there are too many, or an identifier without one."""
        self._longest = 0

    def __len__(self) -> int:
        return len(self._words) + len(self._phrases)

    def add(self, identifier: str, mark: Mark) -> bool:
        """Search for ``identifier`` from now on; False where it would be found everywhere, and is left out."""
        if not SHORTEST <= len(identifier) <= LONGEST:
            return False
        if identifier.isdecimal() and len(identifier) < SHORTEST_NUMBER:
            return False
        table = self._words if _WORD.fullmatch(identifier) else self._phrases
        if identifier in table:
            self._again(table, identifier, mark)
            return True
        pieces = _WORD.findall(identifier)
        if not pieces:
            return False
        table[identifier] = mark
        self._longest = max(self._longest, len(identifier))
        if table is self._phrases:
            # The rarest word, so that few identifiers share one; not a letter that is in every text.
            head = min(pieces, key=lambda piece: (len(piece) < SHORTEST, len(self._heads.get(piece, ()))))
            self._heads[head] = (*self._heads.get(head, ()), identifier)
        self._learn_prefix(identifier)
        return True

    def forget(self, identifier: str) -> None:
        """Search for it no more."""
        self._words.pop(identifier, None)
        if identifier in self._phrases:
            del self._phrases[identifier]
            for piece in _WORD.findall(identifier):
                left = tuple(one for one in self._heads.get(piece, ()) if one != identifier)
                if left:
                    self._heads[piece] = left
                else:
                    self._heads.pop(piece, None)

    @staticmethod
    def _again(table: dict[str, Mark | None], identifier: str, mark: Mark) -> None:
        known = table[identifier]
        if mark.secret:
            table[identifier] = mark
        elif known is not None and not known.secret and not same(known.user, mark.user):
            table[identifier] = None

    def _learn_prefix(self, identifier: str) -> None:
        prefixes = self._prefixes
        if prefixes is None:
            return
        match = _PREFIX.match(identifier)
        if match is None:
            self._prefixes = None
        elif match[0] not in prefixes:
            # A new tuple each time: a search on another thread goes on with the one that it began with.
            self._prefixes = (*prefixes, match[0]) if len(prefixes) < _PREFIXES else None

    def find(self, text: str) -> tuple[list[Mark], bool]:
        """The marks of the identifiers in ``text``, each once, in their order; False where the search was cut short."""
        found: dict[Mark, None] = {}
        complete = True
        for reading in _readings(text):
            if self._prefixes is None:
                complete = self._search(reading, found) and complete
            else:
                self._after(self._prefixes, reading, found)
        return list(found), complete

    def _after(self, prefixes: tuple[str, ...], text: str, found: dict[Mark, None]) -> None:
        for prefix in prefixes:
            position = text.find(prefix)
            while position >= 0:
                # Every prefix begins with a letter, so there is a word.
                match = _WORD.match(text, position)
                if match is not None and _begins(text, position):
                    word = match[0]
                    if not word.isascii():
                        word = _UNSPACED.split(word, 1)[0] if word not in self._words else word
                    self._note(self._words.get(word) or self._words.get(word.rstrip("-_")), found)
                    if self._heads:
                        # More than any identifier has, so that none is cut to another.
                        self._search(text[position : position + self._longest + _AROUND], found, at_start=True)
                position = text.find(prefix, position + len(prefix))

    def _search(self, text: str, found: dict[Mark, None], *, at_start: bool = False) -> bool:
        words = _words(text)
        # One pass in C, and nothing left of it in the usual case.
        if not at_start:
            for word in filter(self._words.__contains__, words):
                self._note(self._words.get(word), found)
        if not self._heads:
            return True
        work = WORK
        for head in dict.fromkeys(filter(self._heads.__contains__, words)):
            for identifier in self._heads.get(head, ()):
                work -= len(text)
                if work < 0:
                    return False
                mark = self._phrases.get(identifier)
                if mark is None or mark in found:
                    continue
                if (not at_start or text.startswith(identifier)) and _holds(text, identifier):
                    found[mark] = None
        return True

    @staticmethod
    def _note(mark: Mark | None, found: dict[Mark, None]) -> None:
        if mark is not None:
            found[mark] = None


def _readings(text: str) -> Iterator[str]:
    """The text as it is, and as it reads where it is JSON or part of a URL."""
    yield text
    if "\\" in text:
        yield _ESCAPE.sub(_unescaped, text)
    if "%" in text:
        decoded = unquote(text)
        if decoded != text:
            yield decoded


def _unescaped(match: re.Match[str]) -> str:
    if match[1] is None:
        return " "
    units = bytes.fromhex(match[1].replace("\\u", ""))
    return units.decode("utf-16-be", "replace")


def _words(text: str) -> list[str]:
    if text.isascii():
        spaced = f" {text.translate(_SEPARATED)} "
        words = spaced.split()
        if not ("- " in spaced or " -" in spaced or "_ " in spaced or " _" in spaced):
            return words
    else:
        words = _WORD.findall(text)
        if _UNSPACED.search(text):
            words += _WORD.findall(_UNSPACED.sub(" ", text))
    # `_user-7_` is user-7 in Markdown; `user-7-8` is another identifier.
    words += [word.strip("-_") for word in words if word[0] in "-_" or word[-1] in "-_"]
    return words


def _holds(text: str, identifier: str) -> bool:
    """True where the identifier stands for itself: not inside a longer word, not as a part of a longer address."""
    position = text.find(identifier)
    while position >= 0:
        end = position + len(identifier)
        if _begins(text, position, ".+") and not _wordy(text[end : end + _AROUND][::-1].rstrip("-_.")):
            return True
        position = text.find(identifier, position + 1)
    return False


def _begins(text: str, position: int, joints: str = "") -> bool:
    return not _wordy(text[max(0, position - _AROUND) : position].rstrip("-_" + joints))


def _wordy(before: str) -> bool:
    # Signs join only what is on both sides of them: `x-user-7` is another word than user-7, `--user-7` is not.
    return bool(before) and before[-1].isalnum() and _UNSPACED.match(before[-1]) is None
