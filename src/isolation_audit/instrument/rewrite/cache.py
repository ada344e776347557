"""Rewritten code on disk: in the user's cache folder, by what it was made of, so that a module is rewritten once.

Nobody but the user can write there. What can't be read is made again, and a disk that is full only costs time.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
from contextlib import suppress
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType
from typing import Final

from isolation_audit.instrument.rewrite.listener import VERSION
from isolation_audit.scan.user_folders import cache_folder

_MOST: Final = 5_000
"""Modules that are kept; the oldest half goes when there are more."""

Made = tuple[CodeType, list[tuple[int, str, str, str, tuple[str, ...]]]]
"""Code whose constants are still texts, and what its sites are."""


class CodeCache:
    """The rewritten code of modules."""

    def __init__(self) -> None:
        self._looked_through = False

    def get(self, source: bytes, file: str) -> Made | None:
        """What was kept of a module."""
        place = self._place(source, file)
        if place is not None:
            with suppress(OSError, ValueError, EOFError, TypeError):
                code, plans = marshal.loads(place.read_bytes())  # noqa: S302 - only this user can have written it
                if type(code) is CodeType and type(plans) is list:
                    return code, plans
        return None

    def put(self, source: bytes, file: str, made: Made) -> None:
        """Keep the code of a module."""
        place = self._place(source, file)
        if place is None:
            return
        with suppress(OSError, ValueError):
            self._make_room(place.parent)
            temporary = place.with_suffix(f".{os.getpid()}")
            temporary.write_bytes(marshal.dumps(made))
            temporary.replace(place)

    @staticmethod
    def _place(source: bytes, file: str) -> Path | None:
        folder = cache_folder(Path(file).parent)
        if folder is None:
            return None
        made_of = hashlib.sha256(repr((VERSION, MAGIC_NUMBER, sys.flags.optimize, file)).encode())
        made_of.update(source)
        with suppress(OSError):
            folder = folder / "rewritten"
            folder.mkdir(mode=0o700, exist_ok=True)
            return folder / made_of.hexdigest()
        return None

    def _make_room(self, folder: Path) -> None:
        if self._looked_through:
            return
        self._looked_through = True
        kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[: len(kept) // 2] if len(kept) > _MOST else ():
            path.unlink(missing_ok=True)
