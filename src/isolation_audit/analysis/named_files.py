"""Files that somebody else has named: a program's own, or those of a report from elsewhere.

A pipe waits for whoever writes to it, and a device may never end: only regular files are read, and only so much.
"""

from __future__ import annotations

import os
import stat


def is_readable(file: str, most: int) -> bool:
    """Whether it is a regular file of at most ``most`` bytes."""
    try:
        about = os.stat(file)  # noqa: PTH116 - names that are no path raise ValueError there, too
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(about.st_mode) and about.st_size <= most
