"""Users of error reports: a scope of a reporter keeps whoever was set on it last, and goes out with the next event.

Where jobs or requests share a scope, that may be somebody else's event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import beneath
from isolation_audit.instrument.stacks import capture
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind, User, same
from isolation_audit.rules.context.suspicions import ContextBled
from isolation_audit.vocabulary.libraries import ErrorReports

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.requests import Request

_WENT_OUT: Final = (
    "whom the work of {owner} has set as the user of reports went out with a report of the work of {ambient}"
)
_LIMIT: Final = 1_000
"""Users of scopes that are remembered."""


class ReporterScopes(ErrorReports):
    """Who has set what on the scopes of one audit; use it with ``runtime.part``."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        # The value is held, so that its identity stays its own. The reporter holds it as well.
        self._set: dict[int, tuple[Any, User]] = {}

    def set(self, value: Any) -> None:
        """The running work has set this as the user of reports; whose work it is may become known later."""
        user, request = self._runtime.ambient.current(), current_unit().request
        if user is not None:
            self._keep(value, user)
        elif request is not None:
            self._set.pop(id(value), None)
            request.when_known(lambda: self._keep_later(value, request))

    def goes_out(self, value: Any, libraries: tuple[str, ...]) -> None:
        """A report of the running work has this as its user."""
        held, owner = self._set.get(id(value), (None, None))
        user = self._runtime.ambient.current()
        if owner is None or held is not value or user is None or user.kind is not Kind.USER or same(user, owner):
            return
        stack = beneath(capture(self._runtime.config.limits.stack), libraries)
        self._runtime.publish(ContextBled(_WENT_OUT, "reported here", user, owner, stack))

    def _keep_later(self, value: Any, request: Request) -> None:
        user = request.user()
        if user is not None:
            self._keep(value, user)

    def _keep(self, value: Any, user: User) -> None:
        if user.kind is Kind.USER:
            self._set[id(value)] = value, user
            drop_oldest(self._set, _LIMIT)
