"""Membership: somebody comes to a room, or leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.reading.layout import MISSING, Layout, Reader, Values, readers

if TYPE_CHECKING:
    from isolation_audit.config import model
    from isolation_audit.instrument.runtime import Runtime


class MembershipPoint(Interceptor):
    """Around a configured way into a room, or out of it; it counts once the call has returned."""

    def __init__(self, entry: model.Rooms, target: model.Target, layout: Layout, runtime: Runtime) -> None:
        self.place = str(target)
        self._name = entry.name
        self._joins = target == entry.join
        self._room = readers(entry.room, layout, runtime.paths.of(entry, "room"))
        self._member = readers(entry.member, layout, runtime.paths.of(entry, "member"))
        self._rooms = runtime.rooms
        self._seen = runtime.tally.seen_so_far

    def before(self, values: Values) -> Any:
        """Read room and member, which the call may change."""
        self._seen[self.place] += 1
        room, _binding = _first(self._room, values)
        return None if room is None else (room, *_first(self._member, values))

    def after(self, state: Any, _result: Any) -> None:
        """It has happened."""
        room, member, binding = state
        if not self._joins:
            self._rooms.leave(self._name, room, member)
        elif member is not None:
            self._rooms.join(self._name, room, binding, member)


def _first(paths: list[Reader], values: Values) -> tuple[Any, str | None]:
    """What the first path gives that leads somewhere, and the binding that it is to be looked up in."""
    for reader in paths:
        value = reader.read(values)
        if value is not None and value is not MISSING:
            return value, reader.binding
    return None, None
