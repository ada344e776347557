"""Merge conflicts that were committed: the lines of markers that git leaves in any file of text."""

from __future__ import annotations

import re

MARKDOWN = (".md", ".mdx", ".markdown", ".rst", ".txt", ".adoc")
"""Documents, which may show a conflict in a fenced block."""

_FENCE = re.compile(rb"[ \t]*(```+|~~~+)")
_SNIFFED = 8192


def conflicts_in(data: bytes, *, is_markdown: bool = False) -> tuple[int, ...]:
    """Lines that begin a merge conflict whose middle and end follow; what a fence in a document shows is none."""
    if b"<<<<<<< " not in data or b"\n>>>>>>> " not in data or b"\0" in data[:_SNIFFED]:
        return ()
    lines, start, middle, fence, shown = list[int](), 0, False, b"", False
    for number, line in enumerate(data.splitlines(), start=1):
        if line.startswith(b"<<<<<<< "):
            start, middle, shown = number, False, bool(fence)
        elif start and line.rstrip() == b"=======":
            middle = True
        elif start and middle and line.startswith(b">>>>>>> "):
            if not shown:
                lines.append(start)
            start = 0
        elif is_markdown and (match := _FENCE.match(line)):
            shown = False  # a conflict that a fence begins or ends in is a real one
            fence = b"" if fence and match[1].startswith(fence) else fence or match[1]
    return tuple(lines)
