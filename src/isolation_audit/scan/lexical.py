"""What can be told from a file's bytes without parsing it: does it mention the words, and where: code or text.

This decides which files are parsed. It may let too many through, and must never hold one back: where it is not sure,
the mention is ``uncertain``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

_TOKEN = re.compile(
    rb"""
      \#[^\n\r]*+
    | \"{3}(?:[^"\\]|\\.|"(?!""))*+\"{3}
    | '{3}(?:[^'\\]|\\.|'(?!''))*+'{3}
    | "(?:[^"\\\n\r]|\\\r\n|\\.)*+"
    | '(?:[^'\\\n\r]|\\\r\n|\\.)*+'
    """,
    re.VERBOSE | re.DOTALL,
)
_STRIP = "\"'"
_DOTTED = re.compile(r"\.*\w+(?:[.:]\w+)*")
_FROM = re.compile(
    r"\bfrom[ \t]*(?P<module>\.[. \t]*[\w. \t]*?|[ \t][\w. \t]+?)[ \t]*\bimport\b[ \t]*(?P<names>\([^)]*\)|[^\n;]*)"
)
_IMPORT = re.compile(r"(?<![\w.])import\s+(?P<modules>[\w.][\w.\s,]*?)(?=[\n;]|$)")
_NAMES_ONLY = re.compile(rb"[\w\s,()*\\]*(?:#.*)?")
_CONTINUED = re.compile(r"\\\r?\n")


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
    def _patterns(self) -> tuple[list[tuple[bytes, re.Pattern[bytes]]], list[tuple[bytes, re.Pattern[bytes]]]]:
        both = []
        for words in (self.names, self.modules - self.names):
            encoded = [word.encode() for word in sorted(words)]
            both.append([(word, re.compile(rb"(?<!\w)" + re.escape(word) + rb"(?!\w)")) for word in encoded])
        return both[0], both[1]

    @cached_property
    def attribute(self) -> re.Pattern[str]:
        """``x.NAME`` in code."""
        return re.compile(rf"(\w+|\))\s*\.\s*(?:{'|'.join(map(re.escape, sorted(self.all))) or '(?!)'})\b")

    def are_in(self, data: bytes) -> bool:
        """Whether ``data`` has one of the words where it could mean something."""
        names, modules = self._patterns
        return any(word in data and pattern.search(data) for word, pattern in names) or any(
            word in data and _is_imported(pattern, data) for word, pattern in modules
        )


def _is_imported(pattern: re.Pattern[bytes], data: bytes) -> bool:
    """Whether a module's name stands in what may be an import, or in a string: such names are often common words."""
    for match in pattern.finditer(data):
        start = data.rfind(b"\n", 0, match.start()) + 1
        end = data.find(b"\n", match.end())
        line = data[start : end if end >= 0 else len(data)]
        before = data[start : match.start()]
        if b"import" in line or b'"' in before or b"'" in before or _NAMES_ONLY.fullmatch(line):
            return True
    return False


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


@dataclass(slots=True)
class _Text:
    """Takes comments and strings out of code, and keeps the strings that count."""

    data: bytes
    words: Words
    strings: set[str] = field(default_factory=set)
    uncertain: bool = False

    def code(self) -> str:
        # Bytes of other encodings don't matter here: the words of interest are looked for once more when parsed.
        return _CONTINUED.sub(" ", _TOKEN.sub(self._replace, self.data).decode("utf-8", "replace"))

    def _replace(self, match: re.Match[bytes]) -> bytes:
        token = match[0]
        if token[:1] == b"#":
            return b""
        if not any(word.encode() in token for word in self.words.all):
            return b" 0 "
        text = token.decode("utf-8", "replace").strip(_STRIP)
        if b"f" in self.data[max(match.start() - 2, 0) : match.start()].lower():
            braces = " ".join(part.partition("}")[0] for part in text.split("{")[1:])
            self.uncertain |= any(word in braces for word in self.words.all)
        elif _DOTTED.fullmatch(text.strip()):
            self.strings.add(text.strip())
        return b" 0 "


def mention(data: bytes, words: Words) -> Mention | None:
    """How ``data`` mentions the words; None if it does not."""
    starred = b"import *" in data or b"import*" in data or b"import\t*" in data
    if not starred and not words.are_in(data):
        return None
    text = _Text(data, words)
    code = text.code()
    imported, stars = _imports(code, words)
    attributes = set()
    for match in words.attribute.finditer(code):
        before = match[1]
        aliased = not before.isidentifier() or re.search(rf"\bas\s+{before}\b|\b{before}\b\s*(?::[^=\n]+)?=", code)
        attributes.add("?" if aliased else before)
    uncertain = text.uncertain or '"' in code or "'" in code
    found = Mention(imported, stars, frozenset(text.strings), frozenset(attributes), uncertain)
    return found if found != Mention() else None


def _imports(code: str, words: Words) -> tuple[frozenset[str], frozenset[str]]:
    imported, stars = set(), set()
    for match in _FROM.finditer(code):
        module = "".join(match["module"].split())
        names = [part.split()[0] for part in match["names"].strip("() \t").split(",") if part.split()]
        if "*" in names or match["names"].lstrip("( \t")[:1] == "*":
            stars.add(module)
        imported |= {f"{module}:{name}" for name in names if name in words.all}
    for match in _IMPORT.finditer(code):
        for part in match["modules"].split(","):
            module = "".join(part.split(" as ")[0].split())
            if not words.modules.isdisjoint(module.split(".")):
                imported.add(f"{module}:")
    return frozenset(imported), frozenset(stars)
