"""Everything that is wrong with a configuration, gathered, placed and worded: ``FILE:LINE: KEY: cause; remedy``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from isolation_audit.analysis.patterns import pattern
from isolation_audit.analysis.texts import shown
from isolation_audit.exceptions import ConfigError

if TYPE_CHECKING:
    from isolation_audit.config.locator import Lines, Place

_BARE_KEY = pattern(r"[A-Za-z0-9_-]+")
_LONGEST = 60


class Refused(ValueError):  # noqa: N818  (not an error of ours: a value that a reader turned down)
    """A value that a key can't take: the cause, and what to write instead."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause, remedy)
        self.cause = cause
        self.remedy = remedy


class Problems:
    """Collects problems while a configuration is read, so that all of them are reported at once.

    ``prefix`` is the table of the file to look below: ``("tool", "isolation_audit")`` in a pyproject.toml.
    """

    def __init__(self, source: FilePath | None = None, lines: Lines | None = None, prefix: Place = ()) -> None:
        self._name = display_name(source) if source else "configuration"
        self._lines = lines
        self._prefix = prefix
        self._found: list[tuple[int, str]] = []

    def line(self, place: Place) -> int | None:
        """The line of a key, or of the table around it; None without a text to look in."""
        return self._lines.find((*self._prefix, *place)) if self._lines else None

    def add(self, place: Place, cause: str, remedy: str) -> None:
        """Note one problem of the value at ``place``."""
        line = self.line(place)
        self._found.append((line or 0, problem(self._name, line, key_name(place), cause, remedy)))

    def add_foreign(self, name: str, key: str, cause: str, remedy: str) -> None:
        """Note one problem of a value that didn't come from the file, such as an environment variable's."""
        self._found.append((0, problem(name, None, key, cause, remedy)))

    def refer(self, place: Place) -> str:
        """Words that lead a reader to ``place``: its line when it is known, else its key."""
        line = self.line(place)
        return f"line {line}" if line else key_name(place)

    def raise_if_any(self) -> None:
        """Raise ConfigError with every problem, in the order of the file."""
        if self._found:
            raise ConfigError([text for _, text in sorted(self._found, key=lambda found: found[0])])


def problem(name: str, line: int | None, key: str, cause: str, remedy: str) -> str:
    """One problem as one printable line."""
    place = f"{name}:{line}" if line else name
    return shown(f"{place}: {key}: {cause}; {remedy}")


def display_name(path: FilePath) -> str:
    """A file's name as a user would type it: relative when it is below the working folder."""
    try:
        return str(path.relative_to(FilePath.cwd())) if path.is_absolute() else str(path)
    except (ValueError, OSError):
        return str(path)


def key_name(place: Place) -> str:
    """A place in the notation of this floor's messages: ``engines[0].owner[1]``."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE_KEY.fullmatch(part) else quoted(part))
    return text or "file"


def quoted(text: str) -> str:
    """``text`` in quotes, shortened when it is long."""
    return repr(text if len(text) <= _LONGEST else text[:_LONGEST] + "...")


def described(value: object) -> str:
    """What a user wrote, in the words of TOML."""
    match value:
        case bool():
            return f"the boolean {str(value).lower()}"
        case int():
            return f"the integer {value}" if abs(value) < 10**18 else "a huge integer"
        case float():
            return f"the number {value}"
        case str():
            return f"the text {quoted(value)}"
        case dt.datetime() | dt.time():
            return f"the time {value}"
        case dt.date():
            return f"the date {value}"
    return type_name(value)


def type_name(value: object) -> str:
    """The type of what a user wrote, without the value: for places where it may be a secret."""
    match value:
        case str():
            return "text"
        case bool() | int() | float() | dt.date() | dt.time():
            return "a single value"
        case Mapping():
            return "a table"
        case list() | tuple():
            return "a list"
    return "an object that is not TOML"


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` was probably meant to be."""
    if len(word) > _LONGEST:
        return None
    lower = {name.lower().replace("-", "_"): name for name in known}
    import difflib  # for mistakes only

    found = difflib.get_close_matches(word.lower().replace("-", "_"), lower, n=1, cutoff=0.66)
    return lower[found[0]] if found else None


def choices(known: Iterable[str]) -> str:
    """Words to choose from, in quotes."""
    return ", ".join(repr(name) for name in known)
