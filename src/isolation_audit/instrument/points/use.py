"""Use: a method of an object that belongs to one user is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.layout import UserReader, Values
from isolation_audit.instrument.observations import Used
from isolation_audit.instrument.points.ownership import differ, known, owner_of

if TYPE_CHECKING:
    from isolation_audit.config.model import Engine
    from isolation_audit.instrument.layout import Layout
    from isolation_audit.instrument.points.receivers import Receivers
    from isolation_audit.instrument.runtime import Runtime


class UsePoint:
    """Around a public method of an engine: owner against ambient; nothing is left to do after the call."""

    def __init__(self, entry: Engine, method: str, receivers: Receivers, layout: Layout, runtime: Runtime) -> None:
        self.place = str(entry.target)
        self._entry = entry
        self._method = method
        self._receivers = receivers
        self._layout = layout
        self._runtime = runtime
        self._owner = UserReader(entry.owner, layout, runtime.users, runtime.bindings)

    def before(self, values: Values) -> None:
        """Compare, and publish a disagreement."""
        obj = self._layout.self_of(values)
        if not self._receivers.accept(type(obj)):
            return
        runtime = self._runtime
        runtime.tally.seen[self.place] += 1
        ambient = known(runtime.ambient.current())
        owner, record = owner_of(obj, values, self._owner, ambient, runtime)
        if differ(owner, ambient):
            assert owner is not None and ambient is not None  # noqa: S101, PT018 - differ() says so
            runtime.publish(Used(self._entry, self._method, ambient, owner, record))

    def after(self, state: Any, result: Any) -> None:
        """Never called: ``before`` leaves no state."""

    def failed(self, state: Any, error: BaseException) -> None:
        """Never called: ``before`` leaves no state."""
