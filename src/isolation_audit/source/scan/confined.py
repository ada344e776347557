"""A folder of which only what is in it can be reached: every step down is taken by descriptor, and none is a link.

What lies in a tree was written by others. A name in it may be a link to anywhere, and become one at any moment.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HAS_DESCRIPTORS = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
"""Whether this system opens files relative to a folder's descriptor."""

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FILE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_BEHIND_A_LINK = "it is a link, or lies behind one"


class Confined:
    """What is below ``folder``; the way to ``folder`` itself may have links, because the user named it."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.realpath(folder)

    def inside(self, path: str) -> str | None:
        """The way from the folder to ``path`` once all links are followed; None where it leads elsewhere."""
        real = os.path.realpath(path)
        return os.path.relpath(real, self.folder) if holds(self.folder, real) and real != self.folder else None

    @contextmanager
    def holder(self, inside: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The descriptor of the folder that a file is in, and its name there; ``inside`` is the way to it from here.

        Raises:
            OSError: there is none, or a link is on the way, or the way leads out.
        """
        *folders, name = _steps(inside)
        descriptor = os.open(self.folder, _FOLDER & ~getattr(os, "O_NOFOLLOW", 0))
        try:
            for step in folders:
                inner = _down(descriptor, step, make=make)
                os.close(descriptor)
                descriptor = inner
            yield descriptor, name
        finally:
            os.close(descriptor)


def holds(folder: str, path: str) -> bool:
    """Whether ``path`` is ``folder`` or below it, as both are written."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def open_in(folder: int, name: str, flags: int, mode: int = 0o600) -> int:
    """Open a regular file of a folder; never a link, and never a pipe or a device, which could hold us up.

    Raises:
        OSError: it can't be opened, or is something else.
    """
    try:
        descriptor = os.open(name, flags | _FILE, mode, dir_fd=folder)
    except OSError as error:
        raise _plain(error) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file")
    return descriptor


def read_in(folder: int, name: str) -> tuple[bytes, os.stat_result]:
    """A file's content, and what the system knows of it.

    Raises:
        OSError: it can't be read.
    """
    with os.fdopen(open_in(folder, name, os.O_RDONLY), "rb") as stream:
        return stream.read(), os.fstat(stream.fileno())


def _steps(inside: str) -> list[str]:
    steps = inside.split("/")
    if not all(steps) or "\0" in inside or not {".", ".."}.isdisjoint(steps):
        raise OSError(errno.EINVAL, f"{inside!r} leads out of the tree")
    return steps


def _down(folder: int, step: str, *, make: bool) -> int:
    """The descriptor of a folder in ``folder``."""
    try:
        if make:
            with suppress(FileExistsError):
                os.mkdir(step, dir_fd=folder)
        return os.open(step, _FOLDER, dir_fd=folder)
    except OSError as error:
        raise _plain(error) from None


def _plain(error: OSError) -> OSError:
    """The system says "too many levels" or "not a directory" of a link that we don't follow."""
    if error.errno in (errno.ELOOP, getattr(errno, "EMLINK", errno.ELOOP)):
        return OSError(errno.ELOOP, _BEHIND_A_LINK)
    return OSError(errno.ELOOP, _BEHIND_A_LINK) if error.errno == errno.ENOTDIR else error
