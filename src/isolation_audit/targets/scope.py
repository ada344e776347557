"""Scope: a call that is work for one user, as configured under ``[[scopes]]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.probe import inside_the_auditor
from isolation_audit.instrument.calls.refusals import refuses
from isolation_audit.instrument.reading.layout import MISSING, UserReader, Values
from isolation_audit.instrument.reading.path_counts import ASKED, GAVE
from isolation_audit.instrument.stacks import capture_again
from isolation_audit.instrument.tracking.observations import Used
from isolation_audit.instrument.work.running_scopes import ORIGIN_FRAMES
from isolation_audit.model.contexts import current_scope
from isolation_audit.model.entering import enter, leave
from isolation_audit.model.scopes import Scope
from isolation_audit.model.users import Kind
from isolation_audit.targets.ownership import differ

if TYPE_CHECKING:
    from isolation_audit.config import model
    from isolation_audit.instrument.reading.layout import Layout
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.targets.result import Results

_PLACEHOLDER: Final = Kind.PLACEHOLDER
_TO_THE_SHIM: Final = 2
"""Calls from :meth:`ScopePoint.before` to the shim; between them is what asks all interceptors."""


class ScopePoint(Interceptor):
    """Makes the user named by the call's arguments the ambient one for the time of the call."""

    ends_quietly = True

    def __init__(
        self, entry: model.Scope, method: str, layout: Layout, runtime: Runtime, results: Results | None
    ) -> None:
        self.place = str(entry.target)
        self._entry = entry
        self._method = method
        self._runtime = runtime
        self._seen = runtime.tally.seen_so_far
        self._gives = False
        """True once a call has given anything."""
        self._results = results
        self._name = entry.target.qualname
        self._user = UserReader(
            entry.user, layout, runtime.users.token, runtime.bindings, runtime.paths.of(entry, "user")
        )
        self._index = layout.plain_argument(entry.user)
        """Where the first path is one whole parameter: an id there whose user is known is looked at without a call."""
        self._cell = [0, 0] if self._index is None else runtime.paths.of(entry, "user")(entry.user[0])
        self._known = runtime.users.known
        self._last: RawStack = ()
        """Where it was called last: as a rule it is called there again."""

    def before(self, values: Values) -> Scope | None:
        """Enter the scope; None where the call names no user."""
        runtime = self._runtime
        self._seen[self.place] += 1
        given = None if self._index is None else values[self._index]
        user = self._known(given) if type(given) is str else None
        if user is None:
            user = self._user.read(values)
        else:
            self._cell[ASKED] += 1
            self._cell[GAVE] += 1
        if user is None or user.kind is _PLACEHOLDER:
            return None
        adopted = runtime.ambient.adopted()
        if adopted is not None and adopted is not user and differ(user, adopted):
            runtime.publish(Used(self._entry, self._method, adopted, user, None))
        ids = None
        if self._user.has_context:
            context = self._user.context(values)
            if context is not MISSING and context is not None:
                ids = runtime.ids.of(context)
                runtime.ids.learn_names(context, user)
        # By position: to pass arguments by name to a class costs as much as half of the rest.
        scope = Scope(user.id, self._name, current_scope(), ids)
        scope.target = self.place
        scope.origin = self._last = capture_again(self._last, ORIGIN_FRAMES, _TO_THE_SHIM)
        enter(scope)
        return scope

    def after(self, state: Scope, result: Any) -> None:
        """Leave the scope; the ids of what it returned are its user's."""
        # A function that gives something to others and nothing to this user has not done the work.
        if result is None:
            state.refused = self._gives
            leave(state)
        else:
            inside_the_auditor(lambda: self._leave_with(state, result))

    def _leave_with(self, state: Scope, result: Any) -> None:
        try:
            state.refused, self._gives = refuses(result), True
            if self._results is not None:
                self._results.search(result)
        finally:
            # Also where the application's stack has no room left for the question.
            leave(state)
        user = self._runtime.users.token(state.user_id)
        if user is not None:
            self._runtime.ids.learn_returned(result, user)

    def failed(self, state: Scope, _error: BaseException) -> None:
        """Leave the scope as failed."""
        leave(state, failed=True)
