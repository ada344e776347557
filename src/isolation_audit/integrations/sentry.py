"""sentry_sdk: the user whom one unit of work has set on a scope, and who goes out with another's event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.vocabulary.libraries import ErrorReports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_SET: Final = "sentry_sdk.scope:Scope.set_user"
_APPLIED: Final = "sentry_sdk.scope:Scope.apply_to_event"
_LIBRARIES: Final = ("sentry_sdk", "contextlib.py")


class Sentry:
    """The integration."""

    distribution = "sentry-sdk"
    since = "2.0"
    packages = ("sentry_sdk",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What sets a user, and what puts all that a scope has into an event."""
        if runtime.config.watch.contexts:
            scopes = runtime.listener(ErrorReports)
            yield Point(_SET, lambda layout: SetPoint(scopes, layout))
            yield Point(_APPLIED, lambda layout: AppliedPoint(scopes, layout))


class SetPoint(Interceptor):
    """Around setting the user of a scope."""

    place = _SET

    def __init__(self, scopes: ErrorReports, layout: Layout) -> None:
        self._scopes = scopes
        self._value = layout.argument("value")

    def before(self, values: Values) -> None:
        """Whose work does that."""
        value = self._value(values)
        if value is not None:
            self._scopes.set(value)


class AppliedPoint(Interceptor):
    """Around filling an event, by what all current scopes have together; they share what they have."""

    place = _APPLIED

    def __init__(self, scopes: ErrorReports, layout: Layout) -> None:
        self._scopes = scopes
        self._self_of, self._event = layout.receiver_reader(), layout.argument("event")

    def before(self, values: Values) -> None:
        """Whose work the event is of; one that names its user itself is not changed."""
        user = _user(self._self_of(values))
        event = self._event(values)
        if user is not None and not (type(event) is dict and event.get("user")):
            self._scopes.goes_out(user, _LIBRARIES)


def _user(scope: Any) -> Any:
    return getattr(scope, "_user", None)


integration = Sentry()
