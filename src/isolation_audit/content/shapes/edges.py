"""Where an identifier begins and ends, as parts of regular expressions.

Joints belong to a word only between letters: `x-user-7` is another word than user-7, and `--user-7--` is not.
"""

from __future__ import annotations

from typing import Final

from isolation_audit.content.readings import LETTER, LETTERS

_FEW: Final = 3
"""Joints in a row that are looked past: as far as an expression can look back."""


def begins(matched: bytes, *, joined: bool = False) -> bytes:
    """True behind ``matched``, an expression of fixed width, where that is the beginning of a word.

    It stands behind, not before: ``re`` is quick where an expression begins with a plain sign. ``joined``: where it is
    also the beginning of an address, of which dots and the like are a part.
    """
    joints = b"_.+-" if joined else b"_-"
    past = b"".join(b"(?<!%b[%b]{%d}%b)" % (LETTER, joints, number, matched) for number in range(_FEW + 1))
    return b"(?:(?<![%b%b]%b)|%b)" % (LETTERS, joints, matched, past)


def ends(*, joined: bool = False) -> bytes:
    """True where a word ends that was matched as far as it goes; ``joined``: where also an address does."""
    return b"(?![_.-]*%b)" % LETTER if joined else b""
