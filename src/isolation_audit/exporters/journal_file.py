"""The file of the journal: appended to by several processes, never waited for, and exchanged when it is full."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from errno import ELOOP, EPERM
from typing import TYPE_CHECKING, Final

from isolation_audit.exporters.folders import make_folder

try:
    import fcntl
except ImportError:  # Windows, where an open file can't be renamed either: there it grows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NOT_THROUGH_LINKS: Final = getattr(os, "O_NOFOLLOW", 0)

_PIECE: Final = 64_000
"""Bytes of one write, at most one line more."""


class JournalFile:
    """Appends whole lines. Each write goes to the end of the file, whoever else writes; a line that could not be
    written to its end stays by itself, and the next one begins on a line of its own."""

    def __init__(self, path: Path, *, size: int, keep: int) -> None:
        self._path = path
        self._size = size
        self._keep = keep
        self._descriptor: int | None = None
        self._torn = False
        self.trouble = ""
        """Why it took no more, the last time."""

    def open(self) -> bool:
        """Have the file at hand; True where that is another one than before.

        Raises:
            OSError: it can't be opened.
        """
        if self._descriptor is not None and self._was_exchanged(self._descriptor):
            self.close()
        if self._descriptor is not None:
            return False
        make_folder(self._path.parent)
        # The journal tells who met whom: for the owner's eyes only. Without waiting: the path may be a pipe.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        for name in ("O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY"):
            flags |= getattr(os, name, 0)
        self._descriptor = _opened(self._path, flags)
        self._torn = _ends_within_a_line(self._path, self._descriptor)
        return True

    def append(self, lines: list[bytes]) -> int:
        """Write lines; how many are in the file now. Fewer than all: it takes no more."""
        done = 0
        while done < len(lines):
            piece: list[bytes] = []
            size = 0
            while done + len(piece) < len(lines) and size < _PIECE:
                piece.append(lines[done + len(piece)])
                size += len(piece[-1])
            written = self._write(piece)
            done += written
            if written < len(piece):
                break
        return done

    def exchange(self) -> None:
        """Begin the next file where this one is full; what is open elsewhere goes on until its owner looks."""
        if self._descriptor is None:
            return
        about = os.fstat(self._descriptor)
        if about.st_size < self._size or not stat.S_ISREG(about.st_mode):
            return
        with suppress(OSError), _alone(self._path) as alone:
            if alone and not self._was_exchanged(self._descriptor):
                for number in range(self._keep - 1, 0, -1):
                    with suppress(FileNotFoundError):
                        self._older(number).replace(self._older(number + 1))
                self._path.replace(self._older(1))

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, lines: list[bytes]) -> int:
        if self._descriptor is None:
            return 0
        data = b"".join(lines)
        torn = self._torn
        try:
            written = os.write(self._descriptor, b"\n" + data if torn else data) - torn
        except OSError as error:
            self.trouble = error.strerror or str(error)
            return 0
        if written < 0:
            return 0
        self._torn = False
        if written == len(data):
            return len(lines)
        self.trouble = "a line was written in part"
        whole = data[:written].count(b"\n")
        self._torn = written > sum(map(len, lines[:whole]))
        return whole

    def _older(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _was_exchanged(self, descriptor: int) -> bool:
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(descriptor))
        except OSError:
            return True


def _opened(path: Path, flags: int) -> int:
    """Open for writing. A link is followed where it is ours or root's (``/dev/stdout`` is one): another user's leads to
    what that user wants to be written."""
    try:
        return os.open(path, flags | _NOT_THROUGH_LINKS, 0o600)
    except OSError as error:
        if error.errno != ELOOP:
            raise
    if path.lstat().st_uid not in (0, os.geteuid()):
        raise PermissionError(EPERM, "it is a link of another user")
    return os.open(path, flags, 0o600)


def _ends_within_a_line(path: Path, descriptor: int) -> bool:
    """True where somebody was killed while writing: the next line must not go on from there."""
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode) or not about.st_size:
        return False
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:
        return False


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Hold the lock by which processes agree who exchanges the file; False where another one does."""
    if fcntl is None:
        yield False
        return
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | _NOT_THROUGH_LINKS
    descriptor = os.open(path.with_name(f"{path.name}.lock"), flags, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
