"""PyJWT, python-jose, Authlib, joserfc: the subject of the token that a request came with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.identity.names import name_in_claims
from isolation_audit.identity.sources import TOKEN
from isolation_audit.instrument.probe import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.serving import sources, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.layout import Values
    from isolation_audit.instrument.runtime import Runtime


class Tokens:
    """The integration of one library: the ``target`` that decodes a token, and how its claims are had of the result."""

    def __init__(self, distribution: str, since: str, target: str, claims_of: Callable[[Any], Any]) -> None:
        self.distribution = distribution
        self.since = since
        self._target = target
        self._claims_of = claims_of

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """The decoding of a token."""
        if "token" in runtime.part(sources).detect:
            yield Point(self._target, lambda _layout: DecodePoint(self._target, self._claims_of))


class DecodePoint(Interceptor):
    """Around the decoding; what is refused tells nothing."""

    def __init__(self, place: str, claims_of: Callable[[Any], Any]) -> None:
        self.place = place
        self._claims_of = claims_of

    def before(self, _values: Values) -> bool:
        """The claims come at the end."""
        return True

    def after(self, _state: Any, result: Any) -> None:
        """Tell the request."""
        claims = self._claims_of(result)
        # Authlib's are a class of their own, with checks in it; read past those.
        name = name_in_claims(claims)
        if name is not None:
            tell(TOKEN, name)


def _itself(claims: Any) -> Any:
    return claims


def _fields(token: Any) -> Any:
    return vars(token).get("claims")


pyjwt = Tokens("PyJWT", "2.0", "jwt.api_jwt:PyJWT.decode", _itself)
jose = Tokens("python-jose", "3.3", "jose.jwt:decode", _itself)
authlib = Tokens("Authlib", "1.0", "authlib.jose.rfc7519.jwt:JsonWebToken.decode", _itself)
joserfc = Tokens("joserfc", "1.0", "joserfc.jwt:decode", _fields)
