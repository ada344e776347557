"""What integrations of UI frameworks share: an event of one client is a unit of work, and what it pushes is searched.

Such a framework serves pages over HTTP, and then a client's events over a connection or a queue of its own.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.integrations.building_blocks.http_request import Serving
from isolation_audit.model.contexts import current_unit

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.requests import Request
    from isolation_audit.vocabulary.exits import Exits, LeavingPushes

_LONGEST: Final = 1_000
"""Items of one list or mapping of a session that are copied."""


class EventServing(Serving):
    """Around the handling of one client's event."""

    counted = "messages"


class Pushed:
    """Judges what the running event pushes to its own client; a finding for each other user and event at most."""

    def __init__(self, sinks: Exits, runtime: Runtime, target: str) -> None:
        self._sinks = sinks
        self._ambient = runtime.ambient
        self._target = target
        self._pushes: WeakKeyDictionary[Request, LeavingPushes] = WeakKeyDictionary()

    def told(self, payload: Any) -> None:
        """The running event's client is about to get this."""
        request = current_unit().request
        user = self._ambient.current()
        if request is None or user is None:
            return
        push = self._pushes.get(request)
        if push is None:
            push = self._pushes[request] = self._sinks.pushes(self._target)
        push.told(payload, user)


def as_they_are(state: Any) -> list[Any]:
    """The values that a client's state has by now: what its event puts there is no input of the event."""
    values = [*islice(dict.values(state), _LONGEST)] if issubclass(type(state), dict) else []
    return [_copied(value) for value in values]


def _copied(value: Any) -> Any:
    kind = type(value)
    if issubclass(kind, list):
        return list.__getitem__(value, slice(_LONGEST))
    if issubclass(kind, dict):
        return dict([*islice(dict.items(value), _LONGEST)])
    return value
