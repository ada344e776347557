"""Files that somebody else has named: a program's own, or those of a report from elsewhere.

A pipe waits for whoever writes to it, and a device may never end: only regular files are read, and only so much.

They are read inside the application's process. The functions of the operating system are those of the time when this
module was imported: neither what the application has put in their place nor a hook of the audit's is called.
"""

from __future__ import annotations

import os
import stat
from typing import Final

_stat, _open, _fstat, _read, _close, _length = os.stat, os.open, os.fstat, os.read, os.close, len

_FLAGS: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Not to wait for anybody, should a pipe have come into the file's place."""

_AT_ONCE: Final = 1 << 20


def is_readable(file: str, most: int) -> bool:
    """Whether it is a regular file of at most ``most`` bytes."""
    try:
        about = _stat(file)
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(about.st_mode) and about.st_size <= most


def text_of(file: str, most: int) -> str:
    """The text of a regular file of at most ``most`` bytes, with plain line ends; empty for any other."""
    content = content_of(file, most)
    return "" if content is None else content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")


def content_of(file: str, most: int) -> bytes | None:
    """The bytes of a regular file of at most ``most``; None for any other, and for one that can't be read."""
    if not is_readable(file, most):
        return None
    try:
        descriptor = _open(file, _FLAGS)
    except OSError:
        return None
    try:
        return _all(descriptor, most) if stat.S_ISREG(_fstat(descriptor).st_mode) else None
    except OSError:
        return None
    finally:
        _close(descriptor)


def _all(descriptor: int, most: int) -> bytes | None:
    found = b""
    while _length(found) <= most:
        part = _read(descriptor, _AT_ONCE)
        if not part:
            return found
        found += part
    return None
