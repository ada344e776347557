"""Files replaced as a whole: a reader, and whoever comes after a crash, sees the old content or the new."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def digest(data: bytes) -> str:
    """What tells one content from another."""
    return hashlib.sha256(data).hexdigest()


def replace_file(path: Path, data: bytes, draft: Path, *, mode: int, mtime_ns: int | None = None) -> None:
    """Put ``data`` in the place of ``path``, by way of ``draft`` in the same folder.

    The mode is kept; the time is set where it is given, to that of a content that comes back.

    Raises:
        OSError: the system refuses; ``path`` is then as it was.
    """
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        if mtime_ns is not None:
            os.utime(draft, ns=(mtime_ns, mtime_ns))
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_new(path: Path, data: bytes) -> None:
    """A file that is on the disk when this returns."""
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    with suppress(OSError):  # not every system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
