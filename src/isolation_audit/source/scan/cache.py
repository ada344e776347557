"""What an earlier scan read, kept between runs: valid for a file's path, size and time, a configuration and a version.

It lies in a folder of the user's own: in the tree it could hide what is deprecated there, if somebody else wrote it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from isolation_audit._version import __version__
from isolation_audit.source.scan.facts import Facts
from isolation_audit.source.scan.importing import Imports
from isolation_audit.source.scan.lexical import Mention, Words
from isolation_audit.source.scan.names import Names
from isolation_audit.source.scan.reading import Look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from isolation_audit.config.model import Config
    from isolation_audit.source.scan.source import Source
    from isolation_audit.source.scan.walk import File

T = TypeVar("T")

_FORMAT = 9
_LOOK, _FACTS, _NAMES, _HERE, _IMPORTS = range(2, 7)
"""Places in an entry, behind the file's time and size: those that are empty at its end are left out."""
_SETTLED = 2_000_000_000
"""Nanoseconds: a file that changed this shortly before it was read may change again without showing a new time."""
_LONG = 60 * 24 * 3600 * 1_000_000_000
"""Nanoseconds after which the cache of a tree is forgotten."""


class Cache:
    """Entries by path. A cache that can't be read, or is of another configuration, is empty."""

    def __init__(self, path: Path | None, config: Config) -> None:
        self._path = path
        self._key = _key(config)
        self._files: dict[str, Any] = {}
        self._words = Words(frozenset(), frozenset())
        self._parsed_all = False
        self._configured: list[str] | None = None
        """The names that were configured when names were read."""
        self._named = False
        """True once names were asked for in this run: those of before are not written again where nobody has."""
        self._facts: dict[str, Facts] = {}
        """Those that were taken from here."""
        self.words: tuple[str, ...] = ()
        self._now = time.time_ns()
        if path is not None:
            with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
                self._load(json.loads(path.read_bytes()))

    def _load(self, content: dict[str, Any]) -> None:
        if content["key"] != self._key or not isinstance(content["files"], dict):
            return
        names, modules = content["words"]
        self._words = Words(frozenset(map(str, names)), frozenset(map(str, modules)))
        self.words = tuple(self._words.names)
        self._parsed_all = content["parsed_all"] is True
        self._configured = content["configured"]
        self._files = content["files"]

    def looks(self, files: Iterable[File], words: Words, *, parse_all: bool) -> tuple[dict[str, Look], list[File]]:
        """What the bytes told of the files that are still the same, and the other files."""
        usable = words == self._words and (self._parsed_all or not parse_all)
        return self._told_apart(files, _LOOK, lambda told: _look(*told), usable=usable)

    def facts(self, file: File, words: Words) -> Facts | None:
        """What the parsed file told, if it is still the same."""
        entry = self._entry(file) if words == self._words else None
        told = None if entry is None else _part(entry, _FACTS)
        if told is None:
            return None
        with suppress(LookupError, TypeError, ValueError):
            facts = self._facts[file.path] = Facts.from_json(told)
            return facts
        return None

    def names(self, files: Iterable[File], configured: tuple[str, ...]) -> tuple[dict[str, Names], list[File]]:
        """The names of the files that are still the same, and the other files."""
        usable = self._configured == [*configured]
        self._configured, self._named = [*configured], True
        return self._told_apart(files, _NAMES, Names.from_json, usable=usable)

    def _told_apart(
        self, files: Iterable[File], place: int, read: Callable[[Any], T], *, usable: bool
    ) -> tuple[dict[str, T], list[File]]:
        """What this part of the entries tells of the files that are still the same; most have nothing to tell."""
        known: dict[str, T] = {}
        unknown = []
        for file in files:
            entry = self._entry(file) if usable else None
            try:
                if entry is None:
                    unknown.append(file)
                elif (told := _part(entry, place)) is not None:
                    known[file.path] = read(told)
            except (LookupError, TypeError, ValueError):
                unknown.append(file)
        return known, unknown

    def imports(
        self, files: Mapping[str, File], having: Mapping[str, frozenset[str]]
    ) -> tuple[dict[str, Imports], list[str]]:
        """What files import of the names that they have, where those are the same as then; and the other files."""
        known: dict[str, Imports] = {}
        unknown = []
        for path, here in having.items():
            entry = self._entry(files[path])
            told = None if entry is None or _part(entry, _HERE) != sorted(here) else _part(entry, _IMPORTS)
            try:
                if told is None:
                    unknown.append(path)
                else:
                    known[path] = Imports.from_json(told)
            except (LookupError, TypeError, ValueError):
                unknown.append(path)
        return known, unknown

    def _entry(self, file: File) -> list[Any] | None:
        entry = self._files.get(file.path)
        return entry if isinstance(entry, list) and entry[:2] == [file.mtime_ns, file.size] else None

    def keep(self, words: Words, source: Source) -> None:
        """Write what a scan has read, if anything is new; a folder that can't be written to keeps nothing."""
        if self._path is None:
            return
        files: dict[str, list[Any]] = {}
        for path, file in source.files.items():
            look, facts = source.looks.get(path), source.facts.get(path)
            if self._now - file.mtime_ns < _SETTLED or (look is not None and look.unreadable):
                continue
            entry = files[path] = [file.mtime_ns, file.size, look and _told(look), self._facts_of(path, facts)]
            names, imports = source.names.get(path), source.imports.get(path)
            entry += [names and names.as_json(), *([] if imports is None else [[], imports.as_json()])]
            if imports is not None and names is not None:
                entry[_HERE] = sorted(names.has & source.wanted)
            while entry[-1] is None:
                entry.pop()
        content = {
            "key": self._key,
            "words": [sorted(words.names), sorted(words.modules)],
            "parsed_all": source.parsed_all,
            "configured": self._configured if self._named else None,
            "files": files,
        }
        text = json.dumps(content, separators=(",", ":"))
        with suppress(OSError):
            if self._path.exists() and self._path.read_text(encoding="utf-8", errors="replace") == text:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._forget_others(self._path.parent)
            draft = self._path.with_name(f".{self._path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            try:
                draft.write_text(text, encoding="utf-8")
                draft.replace(self._path)
            finally:
                draft.unlink(missing_ok=True)

    def _facts_of(self, path: str, facts: Facts | None) -> Any:
        if facts is None:
            return None
        # What came from here is written as it was read.
        return self._files[path][_FACTS] if self._facts.get(path) is facts else facts.as_json()

    def _forget_others(self, folder: Path) -> None:
        """Remove caches that nobody has written for long: their trees may be gone."""
        for other in folder.glob("scan-*.json"):
            with suppress(OSError):
                if self._now - other.stat().st_mtime_ns > _LONG:
                    other.unlink()


def _part(entry: list[Any], place: int) -> Any:
    return entry[place] if len(entry) > place else None


def _told(look: Look) -> list[Any]:
    return [look.mention and look.mention.as_json(), look.conflicts, look.broken, look.settings]


def _look(mention: Any, conflicts: Any, broken: Any, settings: Any) -> Look:
    return Look(
        None if mention is None else Mention.from_json(mention),
        tuple(conflicts),
        None if broken is None else (int(broken[0]), str(broken[1])),
        "",
        tuple([(line, column, text) for line, column, text in settings]),
    )


def _key(config: Config) -> str:
    matters = [asdict(entry) for entry in config.deprecations], [asdict(entry) for entry in config.factories]
    text = repr((_FORMAT, __version__, sys.version_info[:2], matters))
    return hashlib.sha256(text.encode()).hexdigest()
