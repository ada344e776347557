"""Whether an automatic source calls users by the names that the application's own words (``[ambient]``, scopes) use.

A login says "alice" where the application's own variable says "42": one person, and two users would be a false alarm
at every turn. A login says "admin" where a scope says "bob": two persons, and making them one would hide a leak. What
tells them apart is whether names come in pairs, and whether the two ever use the same name.
"""

from __future__ import annotations

from typing import Final

_MOST: Final = 10_000
"""Names that are remembered of either side."""

_SETTLED: Final = 2
"""A pair that was seen so often stands against a newcomer."""

_ENOUGH: Final = 5
"""Contradictions after which a source may lose its word."""


class Agreement:
    """One source beside the application's own words."""

    __slots__ = ("_back", "_times", "agreed", "disagreed", "one_language", "pairs", "said", "told")

    def __init__(self) -> None:
        self.agreed = 0
        self.disagreed = 0
        self.told: dict[str, None] = {}
        """What the source has called users so far."""
        self.said: dict[str, None] = {}
        """What the application has called users so far."""
        self.pairs: dict[str, str] = {}
        """The source's name of a person -> the application's."""
        self._back: dict[str, str] = {}
        self._times: dict[str, int] = {}
        self.one_language = False
        """True once both have used one name: from then on two names are two persons."""

    @property
    def outvoted(self) -> bool:
        """True for a source that contradicts the application as a rule, as a gateway does that names a service."""
        return self.disagreed >= _ENOUGH and self.disagreed > 2 * self.agreed

    def hear(self, name: str) -> list[str]:
        """The source has told a name; gives the names that are no pair any more."""
        if name not in self.told and len(self.told) < _MOST:
            self.told[name] = None
        return self._speak_one_language() if name in self.said else []

    def is_settled(self, told: str, said: str) -> bool:
        """True where :meth:`compare` would only count once more that both have said the same, as they always do."""
        known = told == said and told in self.told and said in self.said
        return known and self.one_language and not self.pairs and self.disagreed < _ENOUGH

    def compare(self, told: str, said: str) -> tuple[bool, list[str]]:
        """Whether both mean one person, and the source's names that are no pair any more."""
        broken = self.hear(told)
        if said not in self.said and len(self.said) < _MOST:
            self.said[said] = None
        if said in self.told:
            broken += self._speak_one_language()
        if told == said:
            one = True
        elif self.one_language:
            one = False
        else:
            one = self._is_pair(told, said, broken)
        self.agreed += one
        self.disagreed += not one
        return one, broken

    def _is_pair(self, told: str, said: str, broken: list[str]) -> bool:
        if self.pairs.get(told) == said:
            self._times[told] = self._times.get(told, 0) + 1
            return True
        rivals = [name for name in (told if told in self.pairs else None, self._back.get(said)) if name is not None]
        for rival in rivals:
            # The first sight of a pair proves nothing: an administrator may have come before the user themselves.
            if self._times.get(rival, 0) < _SETTLED:
                self._contradict(rival)
                broken.append(rival)
        if not rivals:
            if len(self.pairs) >= _MOST:
                oldest = next(iter(list(self.pairs)))
                self._part(oldest)
                broken.append(oldest)
            self.pairs[told], self._back[said], self._times[told] = said, told, 1
        return not rivals

    def _part(self, told: str) -> int:
        # Threads share this without a lock, and another one may part the same pair.
        said = self.pairs.pop(told, None)
        if said is not None:
            self._back.pop(said, None)
        return self._times.pop(told, 0)

    def _contradict(self, told: str) -> None:
        times = self._part(told)
        self.agreed -= times
        self.disagreed += times

    def _speak_one_language(self) -> list[str]:
        self.one_language = True
        broken = list(self.pairs)
        for name in broken:
            self._contradict(name)
        return broken
