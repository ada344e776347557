"""Rewritten code on disk: in the user's cache folder, by its file, so that a module is rewritten once.

As for Python's own compiled files, a file whose size and times are what they were is not read again. Where they are
others, its content is compared. Nobody but the user can write there. What can't be read is made again, and a disk that
is full only costs time.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import time
from contextlib import suppress
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType
from typing import Final, NamedTuple

from isolation_audit.instrument.rewrite.listener import VERSION
from isolation_audit.source.scan.user_folders import cache_folder

_MOST: Final = 5_000
"""Modules that are kept; the oldest half goes when there are more."""

_SETTLED: Final = 2_000_000_000
"""Nanoseconds after which a change of a file is sure to change its times: some file systems count seconds."""

_SIZE: Final = 8
"""Bytes that say how long the rewritten part is, which comes first; the code as it was written follows."""

Times = tuple[int, int, int]
"""Size and times of a file."""


class Rewritten(NamedTuple):
    """One module."""

    code: CodeType
    texts: list[str]
    where: bytes
    """The texts that stand for constants in the code, and where they stand."""
    first: int
    """The number of its first site."""
    plans: bytes
    """Its sites, marshalled."""


class CodeCache:
    """The rewritten code of modules."""

    def __init__(self) -> None:
        self._looked_through = False
        self._folders: dict[str, str | None] = {}

    def unchanged(self, file: str, times: Times) -> Rewritten | None:
        """What was kept of a file that is, as far as its size and times tell, what it was."""
        place = self._place(file)
        return None if place is None else _read(place, times=times)

    def get(self, source: bytes, file: str, times: Times | None) -> Rewritten | None:
        """What was kept of a module with this content; it will be known by ``times`` from now on."""
        place = self._place(file)
        module = None if place is None else _read(place, digest=_digest(source))
        if module is not None and times is not None and (written := self.written(file, module.first)) is not None:
            self.put(source, file, times, module, written)
        return module

    def put(self, source: bytes, file: str, times: Times | None, module: Rewritten, written: bytes) -> None:
        """Keep a module, and its code as it was written, marshalled; ``times`` are those of before it was read."""
        found = self._place(file)
        if found is None:
            return
        place = Path(found)
        with suppress(OSError, ValueError):
            self._make_room(place.parent)
            first = marshal.dumps((times, _digest(source), *module))
            temporary = place.with_suffix(f".{os.getpid()}")
            temporary.write_bytes(len(first).to_bytes(_SIZE, "little") + first + written)
            temporary.replace(place)

    def written(self, file: str, first: int) -> bytes | None:
        """The code of a file as it was written, marshalled, if what is kept has this first site."""
        place = self._place(file)
        if place is not None:
            with suppress(OSError, ValueError, EOFError, TypeError):
                content = Path(place).read_bytes()
                end = _SIZE + int.from_bytes(content[:_SIZE], "little")
                if marshal.loads(content[_SIZE:end])[5] == first:  # noqa: S302 - only this user can have written it
                    return content[end:]
        return None

    def _place(self, file: str) -> str | None:
        folder = self._folder(os.path.dirname(file))  # noqa: PTH120 - for each import
        if folder is None:
            return None
        made_of = repr((VERSION, MAGIC_NUMBER, sys.flags.optimize, file))
        return f"{folder}/{hashlib.sha256(made_of.encode()).hexdigest()}"

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


def _read(place: str, *, times: Times | None = None, digest: bytes | None = None) -> Rewritten | None:
    """What is kept there, if it was made of a file with these times, or of a source with this digest."""
    try:
        with open(place, "rb", buffering=0) as kept:  # noqa: PTH123 - for each import
            content = kept.readall()
        end = _SIZE + int.from_bytes(content[:_SIZE], "little")
        known, made_of, *module = marshal.loads(memoryview(content)[_SIZE:end])  # noqa: S302 - only this user can have written it
        if (known == times) if digest is None else (made_of == digest):
            found = Rewritten(*module)
            if type(found.code) is CodeType and type(found.plans) is bytes:
                return found
    except (OSError, ValueError, EOFError, TypeError):
        pass
    return None


def times_of(file: str) -> Times | None:
    """Size and times of a file; None where it has none, or is too new for a change of it to show in its times."""
    try:
        found = os.stat(file)  # noqa: PTH116 - for each import
    except OSError:
        return None
    if time.time_ns() - found.st_ctime_ns < _SETTLED:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _digest(source: bytes) -> bytes:
    return hashlib.sha256(source).digest()
