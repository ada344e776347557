"""Files of a tree exchanged as a whole: whoever looks, at any moment, sees the old content or the new.

The new content is written beside the file, and both change places in one step. What stood in the file is then looked
at: if it is not what was expected, somebody was quicker, and gets it back. It is removed only when nobody can still be
writing to it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from isolation_audit.source.migrate.exchange import exchange, is_being_written
from isolation_audit.source.scan.confined import open_in, read_in

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE = 1.0
"""Seconds that somebody who is writing a file is waited for."""


class Meanwhile(Exception):  # noqa: N818 - a fact about a file, not an error of ours
    """A file is no longer what it was; it has, or keeps, what somebody else has written."""


def digest(data: bytes) -> str:
    """What tells one content from another."""
    return hashlib.sha256(data).hexdigest()


class TreeFile:
    """One file, by its folder's descriptor and its name there, as the run with the name ``run`` changes it.

    ``.NAME.RUN.part`` is a new content that is being written, ``.NAME.RUN.new`` one that is complete; after the
    exchange, the latter is what stood in the file before.
    """

    def __init__(self, folder: int, name: str, run: str) -> None:
        self._folder = folder
        self._name = name
        stem = f".{os.fsdecode(os.fsencode(name)[:100])}.{run}"
        self._part, self._new, self._second = f"{stem}.part", f"{stem}.new", f"{stem}.old"
        self.kept = ""
        """The name under which something that somebody wrote was put aside, because there were two versions of it."""

    def put(self, before: str, data: bytes, mtime_ns: int | None = None) -> None:
        """Give the file another content, if it has the one with the digest ``before``; that is kept until ``settle``.

        Raises:
            Meanwhile: it has not; nothing of what others wrote has been changed.
            OSError: the system refuses; the file is as it was.
        """
        if self._digest(self._name) != before:
            raise Meanwhile
        try:
            self._write(data, mtime_ns)
            self._swap()
        except BaseException:
            self._remove(self._part)
            raise
        if not self._is(self._new, before):
            self._swap()  # it is theirs
            if not self._discard(digest(data)):  # and they have written another one
                self._swap()
                self._keep()
            raise Meanwhile
        sync_folder(self._folder)  # not before: what somebody else wrote has to be back at once

    def is_settled(self, before: str, after: str) -> bool:
        """Whether the file has its new content, and what stood in it is still what was expected."""
        return self._digest(self._name) == after and (not self._has(self._new) or self._is(self._new, before))

    def settle(self, before: str) -> bool:
        """Remove what stood in the file; whether it was what was expected. Otherwise it gets its place back."""
        if not self._has(self._new) or self._discard(before):
            return True
        self._swap()
        self._keep()
        return False

    def undo(self, before: str, after: str) -> bool | None:
        """Put the old content back from beside the file; whether it has it, or None if it has to come from elsewhere.

        What others have written is left alone.
        """
        self._clear()
        there = self._digest(self._new)
        if there is None:
            present = self._digest(self._name)
            return None if present == after else present == before
        if there == after:  # not exchanged yet, or exchanged back
            self._discard_or_keep(after)
        elif self._digest(self._name) == after:
            self._swap()
            if not self._discard(after):  # they wrote while this happened
                self._swap()
                self._discard_or_keep(before)
        else:
            self._discard_or_keep(before)
        sync_folder(self._folder)
        return self._digest(self._name) == before

    # One step each

    def _write(self, data: bytes, mtime_ns: int | None) -> None:
        about = os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)
        self._remove(self._part)
        descriptor = open_in(self._folder, self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            with suppress(OSError):  # only root can give files away
                os.fchown(descriptor, about.st_uid, about.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(about.st_mode))
            if mtime_ns is not None:
                os.utime(descriptor, ns=(mtime_ns, mtime_ns))
            os.fsync(descriptor)
        self._rename(self._part, self._new)

    def _swap(self) -> None:
        """The file and what is beside it change places."""
        if not exchange(self._folder, self._new, self._name):
            # Not in one step, then: the file keeps a second name until the first one has its new content.
            os.link(self._name, self._second, src_dir_fd=self._folder, dst_dir_fd=self._folder, follow_symlinks=False)
            self._rename(self._new, self._name)
            self._rename(self._second, self._new)

    def _clear(self) -> None:
        """Remove what a crash has left of a single step."""
        self._remove(self._part)
        if self._has(self._second):
            if self._has(self._new):
                self._remove(self._second)
            else:
                self._rename(self._second, self._new)

    def _is(self, name: str, expected: str) -> bool:
        """Whether a file has this content, and nobody can be about to change it."""
        try:
            descriptor = open_in(self._folder, name, os.O_RDONLY)
        except FileNotFoundError:
            return False
        with os.fdopen(descriptor, "rb") as stream:
            end = time.monotonic() + _PATIENCE
            while is_being_written(descriptor):
                if time.monotonic() > end:
                    return False
                time.sleep(0.01)
            return digest(stream.read()) == expected

    def _discard(self, expected: str) -> bool:
        """Remove what is beside the file if it is what is expected; whether it was."""
        if self._is(self._new, expected):
            self._remove(self._new)
            return True
        return False

    def _discard_or_keep(self, expected: str) -> None:
        if not self._discard(expected):
            self._keep()

    def _keep(self) -> None:
        """Put what is beside the file aside, under a name that people see."""
        stem = self._new.removeprefix(".").removesuffix(".new")
        names = (f"{stem}{number or ''}.kept" for number in range(1000))
        self.kept = next(name for name in names if not self._has(name))
        self._rename(self._new, self.kept)

    def _digest(self, name: str) -> str | None:
        try:
            return digest(read_in(self._folder, name)[0])
        except OSError:
            return None

    def _has(self, name: str) -> bool:
        with suppress(FileNotFoundError):
            os.stat(name, dir_fd=self._folder, follow_symlinks=False)
            return True
        return False

    def _rename(self, one: str, other: str) -> None:
        os.replace(one, other, src_dir_fd=self._folder, dst_dir_fd=self._folder)

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._folder)


def write_new(path: Path, data: bytes) -> None:
    """A file that is on the disk when this returns."""
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: int | Path) -> None:
    """Make the names in a folder last."""
    with suppress(OSError):  # not every system can
        descriptor = folder if isinstance(folder, int) else os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            if descriptor is not folder:
                os.close(descriptor)
