"""What git knows of a tree, asked so that nothing of the tree's own configuration runs.

A tree brings its ``.git`` along: file system monitors, hooks, filters, helpers for missing objects. So git is only
asked for what its database holds, which needs neither the index nor the working tree; files are compared here.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from isolation_audit.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.source.migrate.planning import Change

_SAFE = ["--no-pager", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_ALLOW_PROTOCOL": "none",  # an object that is missing is not fetched, by whatever program is configured
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_SECONDS = 30


def head_commit(folder: Path) -> str | None:
    """The commit that is checked out around ``folder``; None where there is none, or no git."""
    top = _top(folder)
    if top is None:
        return None
    try:
        return _git(top, "rev-parse", "--verify", "HEAD").decode().strip()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def uncommitted(changes: Iterable[Change]) -> list[str]:
    """Those files that are not committed as they are; files in no repository are not among them.

    Raises:
        UsageError: there is a repository, and git can't tell.
    """
    repositories: dict[Path, dict[str, str]] = {}
    found = []
    for change in changes:
        real = Path(os.path.realpath(change.path))
        top = _top(real.parent)
        if top is None:
            continue
        if top not in repositories:
            repositories[top] = _committed(top)
        if not _is_one_of(change.before, repositories[top].get(real.relative_to(top).as_posix())):
            found.append(change.shown)
    return sorted(found)


def _committed(top: Path) -> dict[str, str]:
    """The files of the last commit, and the names of their contents in git's database."""
    if head_commit(top) is None:
        if not _is_readable(top):
            raise UsageError(
                f"git can't tell what is committed in {top}; add --allow-dirty to change files all the same"
            )
        return {}
    try:
        listed = _git(top, "ls-tree", "-r", "-z", "--full-tree", "HEAD")
    except (OSError, subprocess.SubprocessError):
        raise UsageError(f"git can't read {top}; add --allow-dirty to change files all the same") from None
    found = {}
    for entry in listed.split(b"\0"):
        about, _, name = entry.partition(b"\t")
        if name:
            found[os.fsdecode(name)] = about.split()[-1].decode()
    return found


def _is_one_of(data: bytes, name: str | None) -> bool:
    """Whether a content has this name in git's database, or would have it with the line ends that are kept there."""
    if name is None:
        return False
    digest = hashlib.sha1 if len(name) == 40 else hashlib.sha256
    return any(
        digest(b"blob %d\0" % len(one) + one, usedforsecurity=False).hexdigest() == name
        for one in (data, data.replace(b"\r\n", b"\n"))
    )


def _is_readable(top: Path) -> bool:
    """Whether git reads this repository at all: one without a commit is fine."""
    try:
        return bool(_git(top, "rev-parse", "--git-dir"))
    except (OSError, subprocess.SubprocessError):
        return False


def _top(folder: Path) -> Path | None:
    real = Path(os.path.realpath(folder))
    return next((above for above in (real, *real.parents) if (above / ".git").exists()), None)


def _git(top: Path, *words: str) -> bytes:
    git = shutil.which("git")
    if git is None:
        raise FileNotFoundError("git")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(  # noqa: S603 - no shell, and none of the words is from the tree
        [git, *_SAFE, f"--git-dir={top / '.git'}", *words],
        cwd=os.sep, env=environment | _ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=_SECONDS, check=True,
    ).stdout  # fmt: skip
