"""What one run has opened and not yet closed: pairs that may overlap, told apart by ids where events carry them."""

from __future__ import annotations

from collections import Counter, deque
from enum import Enum
from typing import Final

_IDS: Final = 1_000
"""Ids that are told apart at a time; what is opened beyond that is counted only."""

_CLOSED: Final = 64
"""Ids closed last that are remembered, to know the second closing of the same one."""


class Closing(Enum):
    """What an event closed."""

    OPEN = "open"
    """Something that was open."""
    CLOSED = "closed"
    """Something that had been closed already: it was sent twice."""
    NOTHING = "nothing"


class Openings:
    """Everything that is open in one run, by opener; bounded.

    Where one of the two events of a pair has no id, any opening of its kind is closed: then they are counted.
    """

    __slots__ = ("_closed", "_ids", "_nameless")

    def __init__(self) -> None:
        self._ids: dict[tuple[str, int | str], None] = {}
        self._nameless: Counter[str] = Counter()
        self._closed: deque[tuple[str, int | str]] = deque(maxlen=_CLOSED)

    def __bool__(self) -> bool:
        return bool(self._ids) or bool(self._nameless)

    def open(self, opener: str, number: int | str | None) -> bool:
        """Note an opening; False where this very one is open already."""
        if number is None or len(self._ids) >= _IDS:
            self._nameless[opener] += 1
            return True
        key = (opener, number)
        if key in self._ids:
            return False
        self._ids[key] = None
        if key in self._closed:
            self._closed.remove(key)
        return True

    def close(self, opener: str, number: int | str | None) -> Closing:
        """Note a closing, and say of what."""
        if number is not None:
            key = (opener, number)
            if key in self._ids:
                del self._ids[key]
                self._closed.append(key)
                return Closing.OPEN
            if key in self._closed:
                return Closing.CLOSED
        if opener in self._nameless:
            self._nameless[opener] -= 1
            if not self._nameless[opener]:
                del self._nameless[opener]
            return Closing.OPEN
        if number is None:
            # A list of it: another thread of the same run may open something meanwhile.
            for key in list(self._ids):
                if key[0] == opener:
                    self._ids.pop(key, None)
                    return Closing.OPEN
        return Closing.NOTHING

    def openers(self) -> tuple[str, ...]:
        """The openers that wait for their closers, each once, by name."""
        return tuple(sorted({opener for opener, _number in list(self._ids)} | set(self._nameless)))
