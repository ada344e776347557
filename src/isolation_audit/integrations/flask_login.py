"""Flask-Login: who is logged in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import sources, tell
from isolation_audit.model.sources import LOGIN
from isolation_audit.model.user_names import Name, name_of, plain_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_TARGET: Final = "flask_login.login_manager:LoginManager._update_request_context_with_user"


class FlaskLogin:
    """The integration."""

    distribution = "Flask-Login"
    since = "0.6"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The place that loading, logging in and logging out have in common."""
        if "login" in runtime.part(sources).detect:
            yield Point(_TARGET, UserPoint)


class UserPoint(Interceptor):
    """Around the call that makes somebody ``current_user``."""

    place = _TARGET

    def __init__(self, layout: Layout) -> None:
        self._user = layout.argument("user")

    def before(self, values: Values) -> None:
        """Tell the request.

        The id is the one that Flask-Login itself asks the user for, whichever way the user was found.
        """
        user = self._user(values)
        fields = name_of(user) if user is not None else None
        chosen = None if user is None else plain_id(user.get_id())
        if chosen is None:
            tell(LOGIN, None)
            return
        names = (fields.id, *fields.aliases) if isinstance(fields, Name) else ()
        tell(LOGIN, Name(chosen, tuple([name for name in names if name != chosen and not name.isdecimal()])))


integration = FlaskLogin()
