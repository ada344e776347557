"""Dotted names in files of settings: TOML, YAML, JSON, INI, environment files. They are read line by line, as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.scan.lexical import Words

_DOTTED = re.compile(r"(?:python/[\w/]+:)?(?P<name>[A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)+)")
"""In YAML, ``!!python/name:`` and its like say that an object's name follows."""
_TOKEN = re.compile(r"""(?P<text>"(?:[^"\\]|\\.)*"|'[^']*')|(?<!\S)(?P<comment>[#;].*|//.*)""")
_SECTION = re.compile(r"\s*\[+\s*([^\]]*?)\s*\]")
_OURS = "tool.isolation_audit"
_WRITTEN = re.compile(rb'\s*\{\s*"schema":\s*\d+,\s*"tool":\s*\{\s*"name":\s*"isolation-audit"')
"""How the JSON begins that we write: reports and ratchets name what is deprecated, and refer to nothing."""
_WORD_BEFORE = re.compile(r"(?:^|[\s\"'(])[A-Za-z]+\s+$")
_WORD_AFTER = re.compile(r"[,;.]?\s+[A-Za-z]+(?:[\s.,;\"')]|$)")

Place = tuple[int, int, str]
"""Line from 1, column from 0, and the dotted name."""


def names_in(data: bytes, words: Words) -> tuple[Place, ...]:
    """The dotted names in a file that have one of the words, but for comments and sentences."""
    if not any(word in data for word in words.encoded) or _WRITTEN.match(data):
        return ()
    found: list[Place] = []
    ours = False
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        if section := _SECTION.match(line):
            ours = section[1].startswith(_OURS)
        if not ours:
            found += [(number, column, name) for column, name in _of_line(line, words)]
    return tuple(found)


def _of_line(line: str, words: Words) -> Iterator[tuple[int, str]]:
    quoted = []
    for token in _TOKEN.finditer(line):
        if token["comment"]:
            line = line[: token.start()]
            break
        quoted.append(token.span())
    for match in _DOTTED.finditer(line):
        start, end = match.span("name")
        text = next(((left + 1, right - 1) for left, right in quoted if left < start < right), None)
        if not words.all.isdisjoint(re.split(r"[.:]", match["name"])) and not _is_prose(line, start, end, text):
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
