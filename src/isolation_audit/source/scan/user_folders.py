"""Where we keep things for a user: outside of every tree that we read, so that no tree can bring them along.

A cache that lies in a tree could hide what is deprecated in it, and a journal could have files written anywhere.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from isolation_audit.exceptions import UsageError
from isolation_audit.source.scan.confined import holds

_OURS = "isolation-audit"


def cache_folder(tree: Path) -> Path | None:
    """The folder of caches, which only this user can write to; None where there can't be one outside of ``tree``."""
    with suppress(OSError, UsageError):
        return _made(_base("XDG_CACHE_HOME", ".cache") / _OURS, tree)
    return None


def state_folder(tree: Path) -> Path:
    """The folder of what has to last about one tree; only this user can write to it.

    Raises:
        UsageError: there can't be one, or others can write to it.
    """
    place = _base("XDG_STATE_HOME", ".local/state") / _OURS / "migrations"
    try:
        folder = _made(place.parent, tree)
        for step in (place, place / key_of(tree)):
            folder = _made(step, tree)
    except OSError as error:
        raise UsageError(f"can't write to {place}: {error.strerror}; set XDG_STATE_HOME to a folder of yours") from None
    return folder


def key_of(tree: Path) -> str:
    """What tells one tree from another: its real place."""
    return hashlib.sha256(os.fsencode(os.path.realpath(tree))).hexdigest()[:32]


def _base(variable: str, default: str) -> Path:
    given = os.environ.get(variable, "")
    if Path(given).is_absolute():  # others are to be ignored, says the XDG specification
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home())
    try:
        return Path.home() / default
    except RuntimeError:
        raise UsageError(f"no home folder is known; set {variable} to a folder of yours") from None


def _made(folder: Path, tree: Path) -> Path:
    """Make a folder for us alone, or make sure that it is one."""
    if holds(os.path.realpath(tree), os.path.realpath(folder)):
        remedy = "set XDG_STATE_HOME to a folder elsewhere"
        raise UsageError(f"{folder} is in the tree, where others may have written it; {remedy}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    about = folder.lstat()
    own = not hasattr(os, "geteuid") or about.st_uid == os.geteuid()
    if not stat.S_ISDIR(about.st_mode) or not own:
        raise UsageError(f"{folder} is not a folder of yours; remove it")
    if hasattr(os, "geteuid") and about.st_mode & 0o022:
        raise UsageError(f"others can write to {folder}; look at what is in it, then: chmod -R go-rwx {folder}")
    return folder
