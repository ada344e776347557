"""FastAPI Users: who is logged in, whatever the token is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import sources
from isolation_audit.integrations.building_blocks.logins import LoginPoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Values
    from isolation_audit.instrument.runtime import Runtime

_AUTHENTICATE: Final = "fastapi_users.authentication.authenticator:Authenticator._authenticate"


class FastAPIUsers:
    """The integration."""

    distribution = "fastapi-users"
    since = "12.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What all its dependencies come down to."""
        if "login" in runtime.part(sources).detect:
            yield Point(_AUTHENTICATE, lambda _layout: LoginPoint(_AUTHENTICATE, _person))


def _person(_values: Values, found: Any) -> Any:
    user, _token = found
    return user


integration = FastAPIUsers()
