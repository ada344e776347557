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
from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.rewrite.listener import VERSION
from isolation_audit.source.scan.user_folders import cache_folder

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.sites import Plan

_MOST: Final = 5_000
"""Modules that are kept; the oldest half goes when there are more."""


class CodeCache:
    """The rewritten code of modules."""

    def __init__(self) -> None:
        self._looked_through = False
        self._folders: dict[str, str | None] = {}

    def get(self, source: bytes, file: str) -> tuple[CodeType, bytes] | None:
        """What was kept of a module: its code, and its sites as they were marshalled."""
        place = self._place(source, file)
        if place is not None:
            with suppress(OSError, ValueError, EOFError, TypeError):
                with open(place, "rb") as kept:  # noqa: PTH123 - for each import
                    code, plans = marshal.loads(kept.read())  # noqa: S302 - only this user can have written it
                if type(code) is CodeType and type(plans) is bytes:
                    return code, plans
        return None

    def put(self, source: bytes, file: str, code: CodeType, plans: list[Plan]) -> None:
        """Keep the code of a module."""
        found = self._place(source, file)
        if found is None:
            return
        place = Path(found)
        with suppress(OSError, ValueError):
            self._make_room(place.parent)
            temporary = place.with_suffix(f".{os.getpid()}")
            temporary.write_bytes(marshal.dumps((code, marshal.dumps(plans))))
            temporary.replace(place)

    def _place(self, source: bytes, file: str) -> str | None:
        folder = self._folder(os.path.dirname(file))  # noqa: PTH120 - for each import
        if folder is None:
            return None
        made_of = hashlib.sha256(repr((VERSION, MAGIC_NUMBER, sys.flags.optimize, file)).encode())
        made_of.update(source)
        return f"{folder}/{made_of.hexdigest()}"

    def _folder(self, tree: str) -> str | None:
        """Where the code of what lies in ``tree`` is kept."""
        if tree not in self._folders:
            self._folders[tree] = None
            ours = cache_folder(Path(tree))
            with suppress(OSError):
                if ours is not None:
                    (ours / "rewritten").mkdir(mode=0o700, exist_ok=True)
                    self._folders[tree] = str(ours / "rewritten")
        return self._folders[tree]

    def _make_room(self, folder: Path) -> None:
        if self._looked_through:
            return
        self._looked_through = True
        kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[: len(kept) // 2] if len(kept) > _MOST else ():
            path.unlink(missing_ok=True)
