"""Django REST framework: whom the authentication of its own requests has found, by a token as a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import sources
from isolation_audit.integrations.building_blocks.logins import LoginPoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_AUTHENTICATE: Final = "rest_framework.request:Request._authenticate"


class RestFramework:
    """The integration."""

    distribution = "djangorestframework"
    since = "3.15"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The one place that asks the authenticators."""
        if "login" not in runtime.part(sources).detect:
            return

        def make(layout: Layout) -> LoginPoint:
            request_of = layout.receiver_reader()

            def person(values: Values, _result: Any) -> Any:
                return _person(vars(request_of(values)).get("_user"))

            return LoginPoint(_AUTHENTICATE, person)

        yield Point(_AUTHENTICATE, make)


def _person(user: Any) -> Any:
    """The user; for Simple JWT's users without a database, who have nothing but their token, what that says."""
    try:
        token = object.__getattribute__(user, "__dict__").get("token")
        claims = object.__getattribute__(token, "__dict__").get("payload")
    except AttributeError:
        return user
    return claims if type(claims) is dict else user


integration = RestFramework()
