"""Use: a method of an object that belongs to one user is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.identity.users import Kind
from isolation_audit.instrument.observations import Used
from isolation_audit.instrument.points.ownership import differ, owner_of, owner_reader, record_of
from isolation_audit.instrument.probe import Interceptor

if TYPE_CHECKING:
    from isolation_audit.config.model import Engine
    from isolation_audit.instrument.layout import Layout, Values
    from isolation_audit.instrument.points.receivers import Receivers
    from isolation_audit.instrument.runtime import Runtime

_PLACEHOLDER = Kind.PLACEHOLDER


class UsePoint(Interceptor):
    """Around a public method of an engine: owner against ambient; nothing is left to do after the call."""

    def __init__(self, entry: Engine, method: str, receivers: Receivers, layout: Layout, runtime: Runtime) -> None:
        self.place = str(entry.target)
        self._entry = entry
        self._method = method
        self._receivers = receivers
        self._self_of = layout.receiver_reader()
        self._runtime = runtime
        self._tally = runtime.tally
        self._ambient = runtime.ambient.current
        self._owner = owner_reader(entry, layout, runtime) if entry.owner else None

    def before(self, values: Values) -> None:
        """Compare, and publish a disagreement."""
        obj = self._self_of(values)
        kind, receivers = type(obj), self._receivers
        if kind is not receivers.plain and not receivers.accept(kind):
            return
        self._tally.seen[self.place] += 1
        ambient = self._ambient()
        if ambient is not None and ambient.kind is _PLACEHOLDER:
            ambient = None
        owner = owner_of(obj, values, self._owner, ambient, self._runtime)
        if owner is not ambient and differ(owner, ambient):
            assert owner is not None and ambient is not None  # noqa: S101, PT018 - differ() says so
            record = record_of(obj, self._runtime)
            self._runtime.publish(Used(self._entry, self._method, ambient, owner, record))
