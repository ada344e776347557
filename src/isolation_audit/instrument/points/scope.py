"""Scope: a call that is work for one user, as configured under ``[[scopes]]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.identity.scopes import Scope, current_scope, enter, leave
from isolation_audit.identity.users import Kind, plain_text
from isolation_audit.instrument.layout import MISSING, UserReader, Values, value_reader
from isolation_audit.instrument.observations import Used
from isolation_audit.instrument.points.ownership import differ

if TYPE_CHECKING:
    from isolation_audit.config import model
    from isolation_audit.instrument.layout import Layout
    from isolation_audit.instrument.runtime import Runtime


class ScopePoint:
    """Makes the user named by the call's arguments the ambient one for the time of the call."""

    def __init__(self, entry: model.Scope, method: str, layout: Layout, runtime: Runtime) -> None:
        self.place = str(entry.target)
        self._entry = entry
        self._method = method
        self._runtime = runtime
        self._user = UserReader(entry.user, layout, runtime.users, runtime.bindings)
        self._bind = [(kind, value_reader(path)) for kind, path in runtime.config.identity.bind]

    def before(self, values: Values) -> Scope | None:
        """Enter the scope; None where the call names no user."""
        runtime = self._runtime
        runtime.tally.seen[self.place] += 1
        user = self._user.read(values)
        if user is None or user.kind is Kind.PLACEHOLDER:
            return None
        adopted = runtime.ambient.adopted()
        if adopted is not None and differ(user, adopted):
            runtime.publish(Used(self._entry, self._method, adopted, user, None))
        context = self._user.context(values)
        ids = {} if context is MISSING or context is None else self._ids(context)
        scope = Scope(user.id, name=self._entry.target.qualname, parent=current_scope(), ids=ids)
        scope.target = self.place
        enter(scope)
        return scope

    def after(self, state: Scope, _result: Any) -> None:
        """Leave the scope."""
        leave(state)

    def failed(self, state: Scope, _error: BaseException) -> None:
        """Leave the scope as failed."""
        leave(state, failed=True)

    def _ids(self, context: Any) -> dict[str, str]:
        found = ((kind, plain_text(read(context))) for kind, read in self._bind)
        return {kind: value for kind, value in found if value}
