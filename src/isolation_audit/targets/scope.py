"""Scope: a call that is work for one user, as configured under ``[[scopes]]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.layout import MISSING, UserReader, Values
from isolation_audit.instrument.observations import Used
from isolation_audit.instrument.probe import Interceptor
from isolation_audit.instrument.refusals import refuses
from isolation_audit.model.scopes import Scope, current_scope, enter, leave
from isolation_audit.model.users import Kind
from isolation_audit.targets.ownership import differ

if TYPE_CHECKING:
    from isolation_audit.config import model
    from isolation_audit.instrument.layout import Layout
    from isolation_audit.instrument.runtime import Runtime


class ScopePoint(Interceptor):
    """Makes the user named by the call's arguments the ambient one for the time of the call."""

    def __init__(self, entry: model.Scope, method: str, layout: Layout, runtime: Runtime) -> None:
        self.place = str(entry.target)
        self._entry = entry
        self._method = method
        self._runtime = runtime
        self._gives = False
        """True once a call has given anything."""
        cells = runtime.paths.of(entry, "user")
        self._user = UserReader(entry.user, layout, runtime.users.token, runtime.bindings, cells)

    def before(self, values: Values) -> Scope | None:
        """Enter the scope; None where the call names no user."""
        runtime = self._runtime
        runtime.tally.seen_so_far[self.place] += 1
        user = self._user.read(values)
        if user is None or user.kind is Kind.PLACEHOLDER:
            return None
        adopted = runtime.ambient.adopted()
        if adopted is not None and differ(user, adopted):
            runtime.publish(Used(self._entry, self._method, adopted, user, None))
        context = self._user.context(values)
        ids = {}
        if context is not MISSING and context is not None:
            ids = runtime.ids.of(context)
            runtime.ids.learn_names(context, user)
        scope = Scope(user.id, name=self._entry.target.qualname, parent=current_scope(), ids=ids)
        scope.target = self.place
        enter(scope)
        return scope

    def after(self, state: Scope, result: Any) -> None:
        """Leave the scope; the ids of what it returned are its user's."""
        # A function that gives something to others and nothing to this user has not done the work.
        try:
            if result is None:
                state.refused = self._gives
            else:
                state.refused, self._gives = refuses(result), True
        finally:
            # Also where the application's stack has no room left for the question.
            leave(state)
        user = None if result is None else self._runtime.users.token(state.user_id)
        if user is not None:
            self._runtime.ids.learn_returned(result, user)

    def failed(self, state: Scope, _error: BaseException) -> None:
        """Leave the scope as failed."""
        leave(state, failed=True)
