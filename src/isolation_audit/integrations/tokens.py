"""PyJWT, python-jose, Authlib, joserfc: the subject of the token that a request came with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import sources
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.users import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime


class Tokens:
    """The integration of one library: the ``target`` that decodes a token, and how its claims are had of the result.

    ``argument`` is what it calls the token.
    """

    def __init__(
        self, distribution: str, since: str, target: str, argument: str, claims_of: Callable[[Any], Any]
    ) -> None:
        self.distribution = distribution
        self.since = since
        self._target = target
        self._argument = argument
        self._claims_of = claims_of

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """The decoding of a token."""
        if "token" in runtime.part(sources).detect:
            yield Point(self._target, partial(DecodePoint, self._target, self._argument, self._claims_of))


class DecodePoint(Interceptor):
    """Around the decoding; what is refused tells nothing."""

    def __init__(self, place: str, argument: str, claims_of: Callable[[Any], Any], layout: Layout) -> None:
        self.place = place
        self._token = layout.argument(argument)
        self._claims_of = claims_of

    def before(self, values: Values) -> Any:
        """Keep the token for the end, where the claims come."""
        request = current_unit().request
        if request is not None:
            request.decodes()
        return self._token(values)

    def after(self, token: Any, result: Any) -> None:
        """Tell the request."""
        request = current_unit().request
        if request is not None:
            text = str(token, "latin-1") if type(token) is bytes else plain_text(token) or ""
            # Authlib's claims are a class of their own, with checks in it; they are read past those.
            request.decoded(text, self._claims_of(result))


def _itself(claims: Any) -> Any:
    return claims


def _fields(token: Any) -> Any:
    return vars(token).get("claims")


pyjwt = Tokens("PyJWT", "2.0", "jwt.api_jwt:PyJWT.decode", "jwt", _itself)
jose = Tokens("python-jose", "3.3", "jose.jwt:decode", "token", _itself)
authlib = Tokens("Authlib", "1.0", "authlib.jose.rfc7519.jwt:JsonWebToken.decode", "s", _itself)
joserfc = Tokens("joserfc", "1.0", "joserfc.jwt:decode", "value", _fields)
