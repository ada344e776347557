"""What surrounds a tree, for tests of what may happen to it: nothing."""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def snapshot(folder: Path, *, without: Path | None = None) -> dict[str, tuple[str, int, int]]:
    """Kind or content, mode and time of all below a folder, but for what is below ``without``; links as links."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if without is not None and (path == without or without in path.parents):
            continue
        about = path.lstat()
        if stat.S_ISLNK(about.st_mode):
            content = f"link to {path.readlink()}"
        elif stat.S_ISREG(about.st_mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            content = stat.filemode(about.st_mode)
        time = 0 if stat.S_ISDIR(about.st_mode) else about.st_mtime_ns
        found[path.relative_to(folder).as_posix()] = (content, stat.S_IMODE(about.st_mode), time)
    return found
