"""Sightings: what is at work and not watched, libraries that are known by name and servers that nobody knows.

A sighted call counts as known where the application itself has said, in the middle of it, for whom it works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.work.jobs import CountedWork

_MOST: Final = 1_000
"""Listening sockets that are told apart; what comes after counts together."""


@dataclass(slots=True)
class Sighting:
    """One library that is at work: ``unit`` says what is counted, and is empty where it only began to work."""

    unit: str
    remedy: str
    package: str = ""
    seen: int = 0
    known: int = 0


@dataclass(slots=True)
class Listener:
    """One listening socket: ``name`` is what serves it, ``packages`` are all that have to do with that."""

    name: str
    packages: tuple[str, ...]
    accepted: int = 0
    by_hand: bool = False
    """True where the application's own code calls ``accept``."""


class Sightings:
    """Everything sighted in one process; use it with ``runtime.part``."""

    def __init__(self, runtime: Runtime) -> None:
        self._current = runtime.ambient.current
        self._serving: dict[str, tuple[str, ...]] = {}
        self._found: dict[str, Sighting] = {}
        self._listeners: list[Listener] = []
        self.accepted_by_hand: list[Callable[[Any], None]] = []
        """Told of each connection that a listener has accepted by hand."""
        self.of_socket: WeakKeyDictionary[Any, Listener] = WeakKeyDictionary()
        """The listener behind a socket, once it was met."""

    def serves(self, place: str, through: tuple[str, ...] = ()) -> None:
        """A hook at ``place`` (a target, or a class with targets in it) begins requests or takes messages.

        ``through`` names packages that accept its connections for it.
        """
        self._serving[place] = through or self._serving.get(place, ())

    def waits(self, *places: str) -> None:
        """Hooks at these places pass others' work by, and have served nothing so far; ``serves`` ends that."""
        for place in places:
            self._serving.pop(place, None)

    def is_serving(self, target: str) -> bool:
        """True for the target of such a hook."""
        return target in self._serving or target.rpartition(".")[0] in self._serving

    def packages_of(self, target: str) -> tuple[str, ...]:
        """The packages that accept connections for the target of such a hook, its own among them."""
        through = self._serving.get(target) or self._serving.get(target.rpartition(".")[0]) or ()
        return target.partition(":")[0].partition(".")[0], *through

    def end(self, name: str, work: CountedWork, make: Callable[[], Sighting]) -> None:
        """A call of something that is not watched has ended."""
        sighting = self._found.get(name)
        if sighting is None:
            sighting = self._found[name] = make()
        sighting.seen += 1
        sighting.known += work.end(self._current())

    def lent(self, name: str, make: Callable[[], Sighting]) -> None:
        """A pool that is not watched has lent something: for whom makes no difference."""
        self._found.setdefault(name, make()).seen += 1

    def host(self, name: str, remedy: str) -> None:
        """A server that is not watched has started this process."""
        self._found[name] = Sighting("", remedy, seen=1)

    def listening(self, socket: Any, name: str, packages: tuple[str, ...]) -> Listener:
        """A listener that is met for the first time."""
        if len(self._listeners) < _MOST:
            found = Listener(name, packages)
            self._listeners.append(found)
        else:
            found = self._listeners[-1]
        self.of_socket[socket] = found
        return found

    def as_dict(self) -> dict[str, Any]:
        """JSON form of the libraries."""
        return {
            name: {"unit": one.unit, "seen": one.seen, "known": one.known, "remedy": one.remedy}
            for name, one in list(self._found.items())
        }

    def listeners_as_dict(self, watched: set[str]) -> dict[str, Any]:
        """JSON form of the listeners; ``watched`` are the packages in which hooks of servers are called.

        One that belongs to a library which is sighted by name is told of under that name.
        """
        sighted = {one.package for one in self._found.values()}
        found: dict[str, Any] = {}
        for one in list(self._listeners):
            row = found.setdefault(one.name, {"accepted": 0, "watched": 0})
            row["accepted"] += one.accepted
            row["watched"] += any(package in watched or package in sighted for package in one.packages)
        _forgive_forerunners(found)
        return found

    def activity(self) -> int:
        """A number that grows with all that is sighted."""
        sighted = sum(len(name) + one.seen for name, one in list(self._found.items()))
        return sighted + sum(1 + one.accepted for one in list(self._listeners))

    def clear(self) -> None:
        """Start again from nothing: a forked child has seen nothing yet. What listens stays what it is."""
        self._found.clear()
        for one in self._listeners:
            one.accepted = 0


def _forgive_forerunners(found: dict[str, Any]) -> None:
    """What says "please wait" on a port until the application itself listens there has served nobody."""
    for name, row in found.items():
        address = name.rpartition(" on ")[2]
        others = (one for other, one in found.items() if other != name and other.endswith(f" on {address}"))
        if not row["watched"] and any(one["watched"] and one["accepted"] > row["accepted"] for one in others):
            row["watched"] = 1
