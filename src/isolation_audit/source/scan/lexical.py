"""What can be told from a file's bytes without parsing it: does it mention the words, and where: code or text.

This decides which files are parsed. It may let too many through, and must never hold one back: where it is not sure,
the mention is ``uncertain``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from isolation_audit.source.scan.prose import is_prose
from isolation_audit.source.scan.texts import DOTTED, dotted_in

if TYPE_CHECKING:
    from collections.abc import Iterator

# Each alternative begins with a letter of its own, and runs of ordinary letters are taken at once: so the search skips
# code, and a string costs little more than its length.
_IN_QUOTES = (
    rb'"(?:""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+"""'  # over several lines
    rb'|[^"\\\n\r]*+(?:\\(?:\r\n|.)[^"\\\n\r]*+)*+")'
)
_TOKEN = re.compile(rb"(#[^\n\r]*+|" + _IN_QUOTES + rb"|" + _IN_QUOTES.replace(b'"', b"'") + rb")", re.DOTALL)
_COMMENT = ord("#")
_STRIP = "\"'"
_JOINING = b" \t\r\n\\+rRuU"
# Looking back comes second in these: a pattern that begins with plain letters is found many times faster.
_FROM = re.compile(
    r"from(?<!\wfrom)[ \t]*(?P<module>\.[. \t]*[\w. \t]*?|[ \t][\w. \t]+?)[ \t]*"
    r"\bimport\b[ \t]*(?P<names>\([^)]*\)|[^\n;]*)"
)
_IMPORT = re.compile(r"import(?<![\w.]import)\s+(?P<modules>[\w.][\w.\s,]*?)(?=[\n;#]|$)")
_NAMES_ONLY = re.compile(rb"[\w\s,()*\\]*(?:#.*)?")
_CONTINUED = re.compile(r"\\\r?\n")
# One byte is searched for much faster than a word that shares its letters with all others.
_STAR = re.compile(rb"\*(?:(?<=import \*)|(?<=import\*)|(?<=import\t\*))")
_AS = re.compile(rb"\bas\s+$")
_TAKES = re.compile(rb"\s*(?::[^=\n]+)?=")
_QUOTE_FOLLOWS = re.compile(rb"[\w.:]*\s*[\"']")
_WORD = re.compile(r"\w+")
_QUOTES = re.compile("[\"']")
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") | frozenset(range(128, 256))


@dataclass(frozen=True)
class Words:
    """What to look for: ``names`` of deprecated things, and the last parts of the ``modules`` that matter."""

    names: frozenset[str]
    modules: frozenset[str]

    @cached_property
    def all(self) -> frozenset[str]:
        """Both kinds."""
        return self.names | self.modules

    @cached_property
    def encoded(self) -> tuple[bytes, ...]:
        """All words in UTF-8."""
        return tuple([word.encode() for word in sorted(self.all)])

    @cached_property
    def _kinds(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        names, modules = sorted(self.names), sorted(self.modules - self.names)
        return tuple([word.encode() for word in names]), tuple([word.encode() for word in modules])

    @cached_property
    def attribute(self) -> re.Pattern[str]:
        """``.NAME`` in code."""
        return re.compile(rf"\.\s*(?:{'|'.join(map(re.escape, sorted(self.all))) or '(?!)'})\b")

    def places(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where any of them begins and ends, also within other words."""
        for word in self.encoded:
            start = data.find(word)
            while start >= 0:
                yield start, start + len(word)
                start = data.find(word, start + 1)

    def are_in(self, data: bytes) -> bool:
        """Whether ``data`` has one of the words where it could mean something."""
        names, modules = self._kinds
        return any(True for word in names for _ in _places(word, data)) or any(
            _is_imported(place, place + len(word), data) for word in modules for place in _places(word, data)
        )


def _places(word: bytes, data: bytes) -> Iterator[int]:
    """Where ``word`` stands by itself."""
    place = data.find(word)
    while place >= 0:
        end = place + len(word)
        before, after = data[place - 1 : place], data[end : end + 1]
        if not (before and before[0] in _WORD_BYTES) and not (after and after[0] in _WORD_BYTES):
            yield place
        place = data.find(word, end)


def _is_imported(start: int, end: int, data: bytes) -> bool:
    """Whether a module's name stands in what may be an import, or in a string: such names are often common words."""
    begin = data.rfind(b"\n", 0, start) + 1
    stop = data.find(b"\n", end)
    line, before = data[begin : stop if stop >= 0 else len(data)], data[begin:start]
    return b"import" in line or b'"' in before or b"'" in before or _NAMES_ONLY.fullmatch(line) is not None


@dataclass(frozen=True, slots=True)
class Mention:
    """How a file mentions the words, as text of paths: ``module:name`` for imports, dotted text for strings."""

    imported: frozenset[str] = frozenset()
    stars: frozenset[str] = frozenset()
    strings: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    """What stands before the dot of ``x.NAME``; an alias is shown as ``?``."""
    uncertain: bool = False

    def as_json(self) -> list[object]:
        """For the cache; None of the fields can hold anything but text."""
        return [
            sorted(self.imported),
            sorted(self.stars),
            sorted(self.strings),
            sorted(self.attributes),
            self.uncertain,
        ]

    @classmethod
    def from_json(cls, value: list[list[str]]) -> Mention:
        """The reverse of :meth:`as_json`."""
        imported, stars, strings, attributes = (frozenset(map(str, part)) for part in value[:4])
        return cls(imported, stars, strings, attributes, uncertain=bool(value[4]))


class _Text:
    """Code without its comments and strings; and the strings that count."""

    def __init__(self, data: bytes, words: Words) -> None:
        self._words = words
        # Code and tokens in turn: the first part and the last one are code.
        self._parts = _TOKEN.split(data)
        self.strings: set[str] = set()
        self.uncertain = False
        for place in sorted(self._with_words(data)):
            if self._parts[place][0] != _COMMENT:
                self._read(place)

    def _with_words(self, data: bytes) -> set[int]:
        """The places of comments and strings that have a word: where the words are is known before the parts are."""
        ends = list(accumulate(map(len, self._parts)))
        found = set()
        for start, end in self._words.places(data):
            place = bisect_right(ends, start)
            if place % 2 and end <= ends[place]:
                found.add(place)
        return found

    def code(self) -> str:
        """Strings are zeros in it, comments are gone."""
        parts = self._parts.copy()
        parts[1::2] = [b"" if token[0] == _COMMENT else b" 0 " for token in parts[1::2]]
        # Bytes of other encodings don't matter here: the words of interest are looked for once more when parsed.
        return _CONTINUED.sub(" ", b"".join(parts).decode("utf-8", "replace"))

    def _read(self, place: int) -> None:
        text = self._parts[place].decode("utf-8", "replace").strip(_STRIP)
        before = self._parts[place - 1]
        if len(before) < 2 and place > 1:
            before = self._parts[place - 2] + before
        if b"f" in before[-2:].lower():
            braces = " ".join(part.partition("}")[0] for part in text.split("{")[1:])
            self.uncertain |= any(word in braces for word in self._words.all)
        elif DOTTED.fullmatch(text.strip()):
            self.strings.add(text.strip())
        elif named := dotted_in(text):
            self.strings.add(named)
        # The rest of a name may stand in the string before.
        self.uncertain |= DOTTED.fullmatch(text) is not None and self._continues(place)

    def _continues(self, place: int) -> bool:
        """Whether a string is joined to what is before: another string, or comments of the file's beginning."""
        first = place
        while not self._parts[place - 1].strip(_JOINING):
            if place == 1:
                return first > 1
            place -= 2
            if self._parts[place][0] != _COMMENT:
                return True
        return False


def mention(data: bytes, words: Words) -> Mention | None:
    """How ``data`` mentions the words; None if it does not."""
    stars = [match.end() for match in _STAR.finditer(data)]
    if not stars and not words.are_in(data):
        return None
    if is_prose(data, chain(((star - 1, star) for star in stars), words.places(data))):
        return None
    part = _telling_part(data, words, stars)
    if not _may_mention(part, words):
        return None
    text = _Text(part, words)
    code = text.code()
    if len(part) < len(data) and _QUOTES.search(code):
        # The part ends inside of a string, and what looks like code is its text.
        text = _Text(data, words)
        code = text.code()
    found = _mention(code, words)
    # An alias may be given to a module anywhere in the file.
    attributes = frozenset("?" if name == "?" or _is_given(name.encode(), data) else name for name in found.attributes)
    uncertain = found.uncertain or text.uncertain
    found = Mention(found.imported, found.stars, frozenset(text.strings), attributes, uncertain)
    return found if found != Mention() else None


def _telling_part(data: bytes, words: Words, stars: list[int]) -> bytes:
    """``data`` up to the line where the last star or word stands, and the bracket that it may stand in is closed."""
    last = max([*stars[-1:], *(data.rfind(word) for word in words.encoded)])
    end = data.find(b"\n", max(last, data.find(b")", last)))
    return data if end < 0 else data[: end + 1]


def _may_mention(data: bytes, words: Words) -> bool:
    """Whether anything would be found if comments and strings were code: telling them apart is the dear part."""
    text = _CONTINUED.sub(" ", data.decode("utf-8", "replace"))
    found = _mention(text, words)
    if found.imported or found.stars or found.attributes:
        return True
    return any(_is_quoted(place, place + len(word), data) for word in words.encoded for place in _places(word, data))


def _is_quoted(start: int, end: int, data: bytes) -> bool:
    """Whether a word may be in the last part of a string that is a dotted name, or in the braces of an f-string."""
    return _QUOTE_FOLLOWS.match(data, end) is not None or b"{" in data[data.rfind(b"\n", 0, start) + 1 : start]


def _mention(code: str, words: Words) -> Mention:
    imported, stars, modules = _imports(code, words)
    attributes = set()
    for match in words.attribute.finditer(code):
        number = bisect_right(modules, (match.start(), len(code))) - 1
        if number >= 0 and match.start() < modules[number][1]:
            continue  # it is a part of a module's name, whose import tells more
        before = code[max(match.start() - 200, 0) : match.start()].rstrip()[::-1]  # read from its end
        word = ")" if before[:1] == ")" else (_WORD.match(before) or [""])[0][::-1]
        if word not in ("", "self", "cls"):
            attributes.add("?" if word == ")" else word)
    return Mention(imported, stars, frozenset(), frozenset(attributes), '"' in code or "'" in code)


def _is_given(name: bytes, data: bytes) -> bool:
    """Whether the code gives something this name, other than by importing it unchanged."""
    return any(
        _AS.search(data, max(place - 20, 0), place) or _TAKES.match(data, place + len(name))
        for place in _places(name, data)
    )


def _imports(code: str, words: Words) -> tuple[frozenset[str], frozenset[str], list[tuple[int, int]]]:
    """What is imported, modules of which all is imported, and where the modules of interest are named."""
    imported, stars, places = set(), set(), []
    for match in _FROM.finditer(code):
        module = "".join(match["module"].split())
        names = [part.split()[0] for part in match["names"].strip("() \t").split(",") if part.split()]
        is_star = match["names"].lstrip("( \t")[:1] == "*"
        if is_star:
            stars.add(module)
        of_interest = not words.modules.isdisjoint(module.split("."))
        imported |= {f"{module}:{name}" for name in names if of_interest or name in words.all}
        if of_interest and names and not is_star:
            places.append(match.span("module"))
    for match in _IMPORT.finditer(code):
        for part in match["modules"].split(","):
            module = "".join(part.split(" as ")[0].split())
            if not words.modules.isdisjoint(module.split(".")):
                imported.add(f"{module}:")
    return frozenset(imported), frozenset(stars), places
