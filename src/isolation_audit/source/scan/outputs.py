"""Files that a user asks for by name. Below the tree, none of them is written through a link that lies there."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from isolation_audit.source.scan.confined import HAS_DESCRIPTORS, Confined, open_in

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINK = "it is a link, or lies behind one"


def write_output(path: Path, text: str, tree: Path, *, make: bool = True) -> None:
    """Write a whole file, as UTF-8: a reader sees the old content or the new; ``make`` the folders on the way.

    Raises:
        OSError: it can't be written, or leads out of the tree through a link.
    """
    data = text.encode("utf-8", "replace")
    if not HAS_DESCRIPTORS:
        if make:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return
    with _place(path, tree, make=make) as (folder, name, is_ours):
        about = None
        with suppress(FileNotFoundError):
            about = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if about is None or stat.S_ISREG(about.st_mode):
            _replace(folder, name, data)
        elif is_ours:
            raise OSError(errno.ELOOP, _LINK if stat.S_ISLNK(about.st_mode) else "it is no regular file")
        else:  # /dev/stdout, a pipe, a link of the user's own
            path.write_bytes(data)


def append_output(path: Path, line: str, tree: Path) -> None:
    """Add a line to a file, and the end of the line before, where that was cut short.

    Raises:
        OSError: it can't be written, or leads out of the tree through a link.
    """
    data = line.encode() + b"\n"
    if not HAS_DESCRIPTORS:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            stream.write(data)
        return
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    with _place(path, tree, make=True) as (folder, name, is_ours):
        descriptor = open_in(folder, name, flags, 0o666) if is_ours else os.open(path, flags, 0o666)
        with os.fdopen(descriptor, "r+b", buffering=0) as stream:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            # One write in append mode: two runs at once don't mix their lines.
            stream.write((b"\n" if torn else b"") + data)


@contextmanager
def _place(path: Path, tree: Path, *, make: bool) -> Iterator[tuple[int, str, bool]]:
    """The folder of a file, by descriptor, the file's name, and whether it is below the tree."""
    inside = _inside(path, tree)
    if inside is not None:
        with Confined(str(tree)).holder(inside, make=make) as (folder, name):
            yield folder, name, True
        return
    if make:
        path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield folder, path.name, False
    finally:
        os.close(folder)


def _inside(path: Path, tree: Path) -> str | None:
    """The way from the tree's folder to ``path`` as it is written; None where it does not go through that folder."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - a link must not be followed
    for above in reversed(absolute.parents):
        with suppress(OSError):
            if above.samefile(tree):
                return absolute.relative_to(above).as_posix()
    return None


def _replace(folder: int, name: str, data: bytes) -> None:
    draft = f".{name[:100]}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        descriptor = open_in(folder, draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft, dir_fd=folder)
        raise
