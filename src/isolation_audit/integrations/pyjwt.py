"""PyJWT: the subject of the token that a request came with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.identity.names import Name, plain_id
from isolation_audit.identity.requests import TOKEN
from isolation_audit.instrument.probe import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.serving import sources, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.layout import Values
    from isolation_audit.instrument.runtime import Runtime

_TARGET: Final = "jwt.api_jwt:PyJWT.decode"


class PyJWT:
    """The integration."""

    distribution = "PyJWT"
    since = "2.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The decoding of a token."""
        if "token" in runtime.part(sources).detect:
            yield Point(_TARGET, lambda _layout: DecodePoint(runtime))


class DecodePoint(Interceptor):
    """Around the decoding; what is refused tells nothing."""

    place = _TARGET

    def __init__(self, runtime: Runtime) -> None:
        self._seen = runtime.tally.seen

    def before(self, _values: Values) -> bool:
        """The claims come at the end."""
        self._seen[self.place] += 1
        return True

    @staticmethod
    def after(_state: Any, claims: Any) -> None:
        """Tell the request."""
        subject = plain_id(claims.get("sub")) if type(claims) is dict else None
        if subject is not None:
            tell(TOKEN, Name(subject))


integration = PyJWT()
