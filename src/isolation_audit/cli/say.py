"""What commands say beside their output."""

from __future__ import annotations

import sys


def say(line: str, *, who: str = "isolation-audit: ") -> None:
    """One line on standard error, where there is one."""
    if sys.stderr is not None:  # else print() would take standard output
        print(f"{who}{line}", file=sys.stderr, flush=True)
