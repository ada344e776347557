"""What integrations of logins share: a point that tells the request who its user is when a call is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations.building_blocks.http_request import tell
from isolation_audit.model.sources import LOGIN
from isolation_audit.model.user_names import Unresolved, name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.reading.layout import Layout, Values


class LoginPoint(Interceptor):
    """Around a function that finds, logs in or logs out a user.

    ``person_of`` gets the user out of the call's values and its result; None is nobody. A failed call tells nothing.
    """

    def __init__(self, place: str, person_of: Callable[[Values, Any], Any]) -> None:
        self.place = place
        self._person_of = person_of

    def before(self, values: Values) -> Any:
        """Keep the call's values for its end."""
        return values

    def after(self, values: Any, result: Any) -> None:
        """Tell the request."""
        name = name_of(self._person_of(values, result))
        if not isinstance(name, Unresolved):
            tell(LOGIN, name)


class SomebodyPoint(LoginPoint):
    """The same around what may find nobody: then the request may still be somebody's in another way."""

    def after(self, values: Any, result: Any) -> None:
        """Tell the request of somebody: an object without a name, as one that works the user out later, is none."""
        person = self._person_of(values, result)
        if person is None or (type(person) is not str and name_of(person) is None):
            return
        super().after(values, result)


def returning(place: str) -> Callable[[Layout], LoginPoint]:
    """A point around a function that returns the user."""
    return lambda _layout: LoginPoint(place, lambda _values, result: result)


def taking(place: str, argument: str) -> Callable[[Layout], LoginPoint]:
    """A point around a function that gets the user."""

    def make(layout: Layout) -> LoginPoint:
        person = layout.argument(argument)
        return LoginPoint(place, lambda values, _result: person(values))

    return make


def leaving(place: str) -> Callable[[Layout], LoginPoint]:
    """A point around a function after which nobody is logged in."""
    return lambda _layout: LoginPoint(place, lambda _values, _result: None)
