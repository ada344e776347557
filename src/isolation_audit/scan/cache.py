"""What an earlier scan read, kept between runs: valid for a file's path, size and time, a configuration and a version.

The cache is JSON, because it may lie in a tree that somebody else has written, and reading it must run nothing.
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
from typing import TYPE_CHECKING, Any

from isolation_audit._version import __version__
from isolation_audit.scan.facts import Facts
from isolation_audit.scan.lexical import Mention, Words
from isolation_audit.scan.reading import Look

if TYPE_CHECKING:
    from pathlib import Path

    from isolation_audit.config.model import Config
    from isolation_audit.scan.scanner import Source
    from isolation_audit.scan.walk import File

_FORMAT = 4
_SETTLED = 2_000_000_000
"""Nanoseconds: a file that changed this shortly before it was read may change again without showing a new time."""


class Cache:
    """Entries by path. A cache that can't be read, or is of another configuration, is empty."""

    def __init__(self, path: Path | None, config: Config) -> None:
        self._path = path
        self._key = _key(config)
        self._files: dict[str, Any] = {}
        self._words = Words(frozenset(), frozenset())
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
        self._files = content["files"]

    def look(self, file: File, words: Words, *, parse_all: bool) -> Look | None:
        """What the bytes of the file told, if it is still the same."""
        entry = self._entry(file, words)
        if entry is None:
            return None
        with suppress(LookupError, TypeError, ValueError):
            seen, conflicts, broken, settings, parsed = entry[2]
            if parse_all and not parsed:
                return None
            return Look(
                None if seen is None else Mention.from_json(seen),
                tuple(conflicts),
                None if broken is None else (int(broken[0]), str(broken[1])),
                "",
                tuple((line, column, text) for line, column, text in settings),
            )
        return None

    def facts(self, file: File, words: Words) -> Facts | None:
        """What the parsed file told, if it is still the same."""
        entry = self._entry(file, words)
        if entry is None or len(entry) < 4:
            return None
        with suppress(LookupError, TypeError, ValueError):
            return Facts.from_json(entry[3])
        return None

    def _entry(self, file: File, words: Words) -> list[Any] | None:
        entry = self._files.get(file.path)
        same = isinstance(entry, list) and len(entry) > 2 and entry[:2] == [file.mtime_ns, file.size]
        return entry if same and words == self._words else None

    def keep(self, words: Words, source: Source) -> None:
        """Write what a scan has read, if anything is new; a folder that can't be written to keeps nothing."""
        if self._path is None:
            return
        files = {}
        for path, look in source.looks.items():
            file = source.files[path]
            if look.unreadable or self._now - file.mtime_ns < _SETTLED:
                continue
            seen = None if look.mention is None else look.mention.as_json()
            told = [seen, list(look.conflicts), look.broken, look.settings, source.parsed_all]
            facts = source.facts.get(path)
            files[path] = (
                [file.mtime_ns, file.size, told] if facts is None else [file.mtime_ns, file.size, told, facts.as_json()]
            )
        content = {"key": self._key, "words": [sorted(words.names), sorted(words.modules)], "files": files}
        text = json.dumps(content, separators=(",", ":"))
        with suppress(OSError):
            if self._path.exists() and self._path.read_text(encoding="utf-8", errors="replace") == text:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            ignore = self._path.parent / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
            draft = self._path.with_name(f".{self._path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            try:
                draft.write_text(text, encoding="utf-8")
                draft.replace(self._path)
            finally:
                draft.unlink(missing_ok=True)


def _key(config: Config) -> str:
    matters = [asdict(entry) for entry in config.deprecations], [asdict(entry) for entry in config.factories]
    text = repr((_FORMAT, __version__, sys.version_info[:2], matters))
    return hashlib.sha256(text.encode()).hexdigest()
