"""Whether a package may give a module of its own another name: ``from . import compat as legacy``.

Told from its bytes, so that most packages need not be parsed; where it is not sure, it may.
"""

from __future__ import annotations

import re

from isolation_audit.source.scan.prose import is_prose

_UNWRITTEN = (
    b"getattr", b"import_module", b"__import__", b"importorskip", b"sys", b"globals", b"locals", b"vars", b"__dict__",
)  # fmt: skip
"""Ways to a module whose name need not stand in one piece."""

_AS = re.compile(rb"\bas\b|[;\\]")
_PAIRED = re.compile(rb"^[^\n#=]*,[^\n#=]*=", re.MULTILINE)
"""Several names that are given several values."""


def may_rename(data: bytes, module: str) -> bool:
    """Whether the code may give ``module`` (its last part) a name that is not its own."""
    if not data.isascii() or not module.isascii() or any(way in data for way in _UNWRITTEN):
        return True
    word = re.escape(module.encode())
    places = [match.span() for match in re.finditer(rb"\b%b\b" % word, data)]
    if not places:
        return False
    alone = re.compile(rb"\s*%b\s*,\s*(?:#.*)?" % word)
    return _PAIRED.search(data) is not None or any(
        not _keeps(data, start, end, alone) and not is_prose(data, [(start, end)]) for start, end in places
    )


def _keeps(data: bytes, start: int, end: int, alone: re.Pattern[bytes]) -> bool:
    """Whether a name stands where it is imported as it is: alone in a list of names, in an import, or as a text."""
    stop = data.find(b"\n", end)
    line = data[data.rfind(b"\n", 0, start) + 1 : stop if stop >= 0 else len(data)]
    if line.lstrip().startswith(b"from "):
        return _AS.search(line) is None
    around = data[start - 1 : start], data[end : end + 1]
    return alone.fullmatch(line) is not None or around in ((b'"', b'"'), (b"'", b"'"))
