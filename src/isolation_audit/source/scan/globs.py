"""Globs of files, as ``[scan]`` and CODEOWNERS write them."""

from __future__ import annotations

import re
from functools import lru_cache

_PARTS = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^]]+\]|.", re.DOTALL)
_REPEATED = re.compile(r"(?:\*\*/)+")


@lru_cache(maxsize=1024)
def compile_glob(glob: str) -> re.Pattern[str]:
    """A pattern for paths with slashes: ``*`` stays within a folder, ``**`` does not; folders mean all in them."""
    text = ""
    # One of them says all that several say, and several make some paths take forever.
    for part in _PARTS.findall(_REPEATED.sub("**/", glob.rstrip("/"))):
        if part == "**/":
            text += "(?:[^/]+/)*"
        elif part == "**":
            text += ".*"
        elif part == "*":
            text += "[^/]*"
        elif part == "?":
            text += "[^/]"
        elif part[0] == "[" and len(part) > 1:
            text += "[" + part[1:-1].replace("\\", "\\\\").replace("!", "^", part[1] == "!") + "]"
        else:
            text += re.escape(part)
    return re.compile(text + "(?:/.*)?", re.DOTALL)


def matches(path: str, globs: tuple[str, ...]) -> bool:
    """Whether one of the globs names the file ``path``, or a folder that it is in."""
    return any(compile_glob(glob).fullmatch(path) for glob in globs)
