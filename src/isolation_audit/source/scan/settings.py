"""Dotted names in files of settings: TOML, YAML, JSON, INI, environment files. They are read line by line, as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.source.scan.lexical import Words

_DOTTED = re.compile(r"(?:python/[\w/]+:)?(?P<name>[A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)+)")
"""In YAML, ``!!python/name:`` and its like say that an object's name follows."""
_TOKEN = re.compile(r"""(?P<text>"(?:[^"\\]|\\.)*"|'[^']*')|(?<!\S)(?P<comment>[#;].*|//.*)""")
_SECTION = re.compile(rb"^[ \t]*\[+[ \t]*([^\]\n]*?)[ \t]*\]", re.MULTILINE)
_OURS = b"tool.isolation_audit"
_WRITTEN = re.compile(rb'\s*\{\s*"schema":\s*\d+,\s*"tool":\s*\{\s*"name":\s*"isolation-audit"')
"""How the JSON begins that we write: reports and ratchets name what is deprecated, and refer to nothing."""
_WORD_BEFORE = re.compile(r"(?:^|[\s\"'(])[A-Za-z]+\s+$")
_WORD_AFTER = re.compile(r"[,;.]?\s+[A-Za-z]+(?:[\s.,;\"')]|$)")

_LONGEST = 100_000
"""Bytes of a line that a person may have written."""
_NEAR = 400

Place = tuple[int, int, str]
"""Line from 1, column from 0, and the dotted name."""


def names_in(data: bytes, words: Words) -> tuple[Place, ...]:
    """The dotted names in a file that have one of the words, but for comments and sentences."""
    places = sorted(place for word in words.encoded for place in _places(word, data))
    if not places or _WRITTEN.match(data):
        return ()
    ours = _own_sections(data)
    found: list[Place] = []
    number, start, end, done = 1, 0, -1, 0
    for place in places:
        if place > end:  # the next line with a word
            begin = data.rfind(b"\n", 0, place) + 1
            number += data.count(b"\n", start, begin)
            start, done, characters = begin, begin, 0
            end = data.find(b"\n", place)
            end = len(data) if end < 0 else end
        if place < done or any(first <= place < last for first, last in ours):
            continue
        # All of a line that a person may have written; of others what is around the word.
        first, last = (start, end) if end - start < _LONGEST else (max(done, place - _NEAR), min(end, place + _NEAR))
        characters += len(data[done:first].decode("utf-8", "replace"))
        part = data[first:last].decode("utf-8", "replace")
        found += [(number, characters + column, name) for column, name in _of_line(part, words)]
        characters, done = characters + len(part), last
    return tuple(found)


def _places(word: bytes, data: bytes) -> Iterator[int]:
    place = data.find(word)
    while place >= 0:
        yield place
        place = data.find(word, place + len(word))


def _own_sections(data: bytes) -> list[tuple[int, int]]:
    """Where our own configuration stands in a file of several tools'."""
    if _OURS not in data:
        return []
    headers = [(match.start(), match[1].startswith(_OURS)) for match in _SECTION.finditer(data)]
    ends = [*(start for start, _ in headers[1:]), len(data)]
    return [(start, end) for (start, own), end in zip(headers, ends, strict=True) if own]


def _of_line(line: str, words: Words) -> Iterator[tuple[int, str]]:
    quoted = []
    for token in _TOKEN.finditer(line):
        if token["comment"]:
            line = line[: token.start()]
            break
        quoted.append(token.span())
    for match in _DOTTED.finditer(line):
        if words.all.isdisjoint(re.split(r"[.:]", match["name"])):
            continue
        start, end = match.span("name")
        text = next(((left + 1, right - 1) for left, right in quoted if left < start < right), None)
        if not _is_prose(line, start, end, text):
            yield start, match["name"]


def _is_prose(line: str, start: int, end: int, text: tuple[int, int] | None) -> bool:
    """Whether a name is spoken of: beside plain words in quotes, or between two of them. Commands (``-m a.b``) and
    entry points (``a.b:c``) are none.
    """
    if ":" in line[start:end]:
        return False
    left, right = text or (0, len(line))
    before, after = _WORD_BEFORE.search(line[left:start]), _WORD_AFTER.match(line[end:right])
    return bool(before or after) if text else bool(before and after)
