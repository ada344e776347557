"""Where in a TOML text each table, key and item stands: the line numbers that tomllib keeps to itself."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Place = tuple[str | int, ...]
"""The way from the top of a document to one value, such as ``("engines", 0, "owner", 1)``."""

DEEPEST = 64

# Closing quotes are optional: reading what follows an unclosed one again and again would take quadratic time.
_TOKEN = re.compile(
    r"""
      (?P<blank>[ \t\r]++|\#[^\n]*+)
    | (?P<newline>\n)
    | (?P<string>\"{3}[^"\\]*+(?:(?:\\[\s\S]|"(?!""))[^"\\]*+)*+(?:\"{3,5})?
               | '{3}[^']*+(?:'(?!'')[^']*+)*+(?:'{3,5})?
               | "[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"?
               | '[^'\n]*+'?)
    | (?P<word>[\w-]++)
    | (?P<mark>[\s\S])
    """,
    re.VERBOSE,
)
_END = ("", "", 0)


class Lines:
    """Line numbers, from 1, of what a TOML text defines.

    Any text will do, broken TOML included: the parts that can't be read are left out. ``too_deep`` is the line where
    the text nests more than ``DEEPEST`` levels, the point where reading stopped.
    """

    def __init__(self, text: str) -> None:
        scanner = _Scanner(text)
        self.too_deep: int | None = None
        try:
            scanner.document()
        except _TooDeepError as stop:
            self.too_deep = stop.line
        self._lines = scanner.lines

    def find(self, place: Place) -> int | None:
        """The line of ``place``, else of the nearest table or list around it, else None."""
        for end in range(len(place), 0, -1):
            if (line := self._lines.get(place[:end])) is not None:
                return line
        return None


class _TooDeepError(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind != "blank":
            yield kind, match[0], line
            line += match[0].count("\n")


class _Scanner:
    """Walks the tokens once. Every loop consumes at least one, so that broken input ends too."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Place, int] = {}
        self._entries: dict[Place, int] = {}
        self._stream = _tokens(text)
        self._step()

    def _step(self) -> None:
        self._kind, self._text, self._line = next(self._stream, _END)

    def document(self) -> None:
        table: Place = ()
        while self._kind:
            if self._text == "[":
                table = self._header()
            elif self._text == "\n":
                self._step()
            else:
                self._pair(table)

    def _header(self) -> Place:
        line = self._line
        place: Place = ()
        self._step()
        if entry := self._text == "[":
            self._step()
        parts = self._key()
        for position, part in enumerate(parts, start=1):
            place = self._note((*place, part), line)
            if position == len(parts):
                self.lines[place] = line
            if position == len(parts) and entry:
                self._entries[place] = number = self._entries.get(place, -1) + 1
                place = self._note((*place, number), line)
            elif place in self._entries:
                place = (*place, self._entries[place])
        while self._text == "]":
            self._step()
        return place

    def _pair(self, table: Place) -> None:
        line, place = self._line, table
        parts = self._key()
        for part in parts:
            place = self._note((*place, part), line)
        if self._text == "=":
            self._step()
            self._value(place)
        elif not parts:
            self._step()

    def _key(self) -> list[str]:
        parts: list[str] = []
        while self._kind in ("word", "string"):
            parts.append(self._text if self._kind == "word" else _unquoted(self._text))
            if len(parts) > DEEPEST:
                raise _TooDeepError(self._line)
            self._step()
            if self._text != ".":
                break
            self._step()
        return parts

    def _value(self, place: Place) -> None:
        if self._text == "[":
            self._step()
            self._items(place)
        elif self._text == "{":
            self._step()
            while self._kind and self._text != "}":
                if self._text in (",", "\n"):
                    self._step()
                else:
                    self._pair(place)
            self._step()
        else:
            self._step()
            while self._kind and self._text not in (",", "]", "}", "\n"):
                self._step()

    def _items(self, place: Place) -> None:
        number = 0
        while self._kind and self._text != "]":
            if self._text == ",":
                number += 1
                self._step()
            elif self._text == "\n":
                self._step()
            else:
                self._value(self._note((*place, number), self._line))
        self._step()

    def _note(self, place: Place, line: int) -> Place:
        if len(place) > DEEPEST:
            raise _TooDeepError(line)
        self.lines.setdefault(place, line)
        return place


def _unquoted(text: str) -> str:
    if text.startswith('"') and "\\" in text:
        try:
            return str(tomllib.loads(f"key = {text}")["key"])
        except ValueError:
            return text
    return text[1:-1]
