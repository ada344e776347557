"""Changes in the way that git knows of and has not committed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def uncommitted(base: Path, files: Sequence[str]) -> list[str]:
    """Those of ``files`` (relative to ``base``) that git shows as changed or unknown; none where there is no git."""
    if not files:
        return []
    command = ["git", "--literal-pathspecs", "status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignored=no"]
    try:
        top = subprocess.run(
            ["git", "rev-parse", "--show-prefix"],  # noqa: S607 - the user's git
            cwd=base, capture_output=True, check=True, text=True,
        ).stdout.strip()  # fmt: skip
        done = subprocess.run([*command, "--", *files], cwd=base, capture_output=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return []
    names = [entry[3:] for entry in done.stdout.decode("utf-8", "replace").split("\0") if len(entry) > 3]
    return sorted({name.removeprefix(top) for name in names} & set(files))
