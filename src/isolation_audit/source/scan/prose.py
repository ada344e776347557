"""Whether places of a file are prose, in docstrings or comments, as far as that is plain to see without its tokens.

Most files that mention a name only write about it. To find a docstring's ends takes a fraction of what telling all
strings from code takes.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from isolation_audit.source.scan.texts import DOTTED, dotted_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Span = tuple[int, int]

_QUOTES = (b'"', b"'")


def is_prose(data: bytes, places: Iterable[Span]) -> bool:
    """Whether all ``places`` (start and end) are in comments or docstrings; False also where that is not sure.

    What is nothing but a dotted name is no prose: it may be imported by its text.
    """
    triple = b"'''" if b"'''" in data else b'"""'
    if triple == b"'''" and b'"""' in data:
        return False
    # A string over several lines has three quotes, or a backslash before each line's end.
    if b"\\\n" in data or (b"\r" in data and data.count(b"\r") != data.count(b"\r\n")):
        return False
    if b"\\\r" in data:
        return False
    strings = _strings(data, triple)
    if strings is None:
        return False
    starts = [start for start, _ in strings]
    telling = set()
    for start, end in places:
        number = bisect_right(starts, start) - 1
        if number >= 0 and end <= strings[number][1]:
            telling.add(number)
        elif not _is_comment(data, start, strings[number][1] if number >= 0 else 0):
            return False
    return not any(_is_a_name(data, strings[number]) for number in telling)


def _strings(data: bytes, triple: bytes) -> Sequence[Span] | None:
    """All strings in three quotes; None where one of them may be something else."""
    found = []
    start = data.find(triple)
    before = 0
    while start >= 0:
        prefix = data[max(before, data.rfind(b"\n", before, start) + 1) : start]
        if b"#" in prefix or any(quote in prefix for quote in _QUOTES) or prefix[-2:].lower().find(b"f") >= 0:
            return None
        end = data.find(triple, start + 3)
        if end < 0 or data.find(b"\\", start, end) >= 0:
            return None
        before = end + 3
        found.append((start, before))
        start = data.find(triple, before)
    return found


def _is_comment(data: bytes, place: int, after: int) -> bool:
    """Whether a comment begins before ``place`` on its line, and no string before that."""
    code, sign, _ = data[max(after, data.rfind(b"\n", after, place) + 1) : place].partition(b"#")
    return bool(sign) and not any(quote in code for quote in _QUOTES)


def _is_a_name(data: bytes, string: Span) -> bool:
    text = data[slice(*string)].decode("utf-8", "replace").strip("\"'")
    return DOTTED.fullmatch(text.strip()) is not None or dotted_in(text) is not None
