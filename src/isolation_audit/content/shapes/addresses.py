"""E-mail addresses, and what looks like one: searched for on both sides of each at sign."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.readings import LETTER, LETTERS, separated
from isolation_audit.content.shapes.counted import Counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.content.readings import Reading

_ADDRESS: Final = pattern(b"%b[%b_.+-]*@(?:[%b_-][%b_.-]*)?%b" % (LETTER, LETTERS, LETTERS, LETTERS, LETTER))
_RUNS: Final = separated(inside=b"_.+-@")


class Addresses(Counted):
    """Searched for around at signs."""

    @staticmethod
    def takes(identifier: bytes) -> bool:
        """Where it is one."""
        return _ADDRESS.fullmatch(identifier) is not None

    def candidates(self, reading: Reading) -> Iterator[bytes]:
        """Everything that an address may consist of, on both sides."""
        if b"@" not in reading.data:
            return
        parts = reading.data.translate(_RUNS).split(b"@")
        pairs = {(left.rpartition(b" ")[2], right.partition(b" ")[0]) for left, right in pairwise(parts)}
        for name, host in pairs:
            # Ahead of an address a plus is a part of another one; behind it, it is not.
            yield b"%b@%b" % (name.lstrip(b"_.+-"), host.partition(b"+")[0].rstrip(b"_.-"))
