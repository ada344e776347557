"""Settings that a unit of work activates for its thread or context, such as a language, and another's work finds there.

What is put back before the unit ends is no matter. The reader's own unit would have activated its own.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from isolation_audit.analysis.frames import beneath
from isolation_audit.instrument.stacks import capture
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.gates import Gate
from isolation_audit.model.users import Kind, User, same
from isolation_audit.rules.context.suspicions import ContextBled
from isolation_audit.vocabulary.libraries import ActivatedSetting, ActivatedSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import ContextVar

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.requests import Request


class _Activated:
    """What one unit has activated, in place of what was there ``before``, and is an ``earlier`` unit's where known.

    It holds nothing of the unit.
    """

    __slots__ = ("__weakref__", "before", "earlier", "told", "unit", "user")

    def __init__(self, before: Any, earlier: _Activated | None, user: User | None, unit: Request | None) -> None:
        self.before = before
        self.earlier = earlier
        if earlier is not None:
            earlier.earlier = None  # it must not become a chain
        self.user = user
        self.unit = None if unit is None else weakref.ref(unit)
        self.told = False

    def is_of(self, unit: Request | None, user: User | None) -> bool:
        """True in the unit that has activated it; outside of requests, in the work of the same user."""
        if self.unit is not None or unit is not None:
            return self.unit is not None and self.unit() is unit
        return self.user is not None and user is not None and same(self.user, user)


class ActiveSetting(ActivatedSetting):
    """One setting of one audit."""

    def __init__(
        self,
        runtime: Runtime,
        variable: ContextVar[Any],
        how: str,
        current: Callable[[], Any],
        default: Callable[[], Any],
    ) -> None:
        self._runtime = runtime
        self.variable = variable
        self._how = how
        self.current = current
        self._default = default
        self.gate = Gate()
        """Open once any work has activated something."""

    def changed(self, before: Any) -> None:
        """The running work has changed it, from what it was ``before``."""
        user, unit = self._runtime.ambient.current(), current_unit().request
        known: _Activated | None = self.variable.get()
        earlier = known
        own = known is not None and known.is_of(unit, user)
        if known is not None and own:
            before, earlier = known.before, known.earlier
        now = self.current()
        if now == self._default():
            self.variable.set(None)
        elif own and now == before:
            self.variable.set(earlier)  # put back
        else:
            activated = _Activated(before, earlier, user, unit)
            if user is not None or unit is not None:
                self.gate.open = True  # what a command has activated, at the start, is nobody's and will be nobody's
            self.variable.set(activated)
            if user is None and unit is not None:
                unit.when_known(lambda: setattr(activated, "user", unit.user()))

    def read(self, libraries: tuple[str, ...]) -> None:
        """The running work is given what is set."""
        known: _Activated | None = self.variable.get()
        if known is None or known.told or known.user is None or known.user.kind is not Kind.USER:
            return
        user = self._runtime.ambient.current()
        if user is None or user.kind is not Kind.USER or same(user, known.user):
            return
        if not known.is_of(current_unit().request, user):
            known.told = True
            stack = beneath(capture(self._runtime.config.limits.stack), libraries)
            self._runtime.publish(ContextBled(self._how, "read here", user, known.user, stack))


class ActiveSettings(ActivatedSettings):
    """All settings of one audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def setting(
        self, variable: ContextVar[Any], how: str, current: Callable[[], Any], default: Callable[[], Any]
    ) -> ActiveSetting:
        """One of them."""
        return ActiveSetting(self._runtime, variable, how, current, default)
