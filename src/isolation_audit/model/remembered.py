"""What is remembered of the last clean call of a place, and forgotten as soon as anything could make it wrong.

A place that has found a call clean remembers what it was clean for, and looks at the next call with a few comparisons.
Whoever learns something that a verdict may rest on (a user, another name, whom the application works for) calls
:meth:`Remembered.forget`: every place then asks again, and remembers anew.
"""

from __future__ import annotations

from typing import Final, Protocol


class Rememberer(Protocol):
    """A place that remembers."""

    def forget(self) -> None:
        """Remember nothing any more."""


class Remembered:
    """All places that remember something at this moment.

    Threads share it without a lock. Whoever remembers takes ``version`` before it looks, and gives it to :meth:`keep`
    with what it has found: what was forgotten in between is not kept.
    """

    def __init__(self) -> None:
        self.version = object()
        """Another object each time that something is learned."""
        self.users = object()
        """The same, but for what :meth:`forget_verdicts` is called for."""
        self._places: list[Rememberer] = []

    def keep(self, place: Rememberer, version: object) -> bool:
        """``place`` remembers from now on what it found since ``version``; False where that is out of date."""
        # First into the list, then the look: whoever forgets changes the version before it takes the list.
        self._places.append(place)
        if self.version is version:
            return True
        place.forget()
        return False

    def forget(self) -> None:
        """Something was learned."""
        self.users = object()
        self.forget_verdicts()

    def forget_verdicts(self) -> None:
        """It was learned whom a request works for: who the users are, and what they are called, is as it was."""
        self.version = object()
        if self._places:
            places, self._places = self._places, []
            for place in places:
                place.forget()


remembered: Final = Remembered()
