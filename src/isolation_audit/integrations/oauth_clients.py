"""Clients of OAuth: oauthlib with requests-oauthlib on top of it, and Authlib. Where they keep a token, and use it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import receiver
from isolation_audit.integrations import Point
from isolation_audit.vocabulary.outside import ClientTokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_CLIENT: Final = "oauthlib.oauth2.rfc6749.clients.base:Client"
_READ: Final = frozenset({"token", "access_token", "id_token"})


class OAuthClients:
    """The integration of one library: ``storing`` and ``using`` are methods of what keeps a token."""

    def __init__(self, distribution: str, since: str, storing: str, using: str) -> None:
        self.distribution = distribution
        self.since = since
        self._storing = storing
        self._using = using

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """Both."""
        if receiver(runtime) is not None:
            yield Point(self._storing, partial(StorePoint, self._storing, runtime))
            yield Point(self._using, partial(UsePoint, self._using, runtime))


class StorePoint(Interceptor):
    """Around storing a token: after it, because what is read meanwhile is the new one."""

    def __init__(self, place: str, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._tokens = runtime.listener(ClientTokens)
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """It is this request's."""
        self._tokens.stored(self._self_of(values))


class UsePoint(Interceptor):
    """Around what reads a token: a method that does, or reading attributes, of which the first argument is the name."""

    def __init__(self, place: str, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._tokens = runtime.listener(ClientTokens)
        self._self_of = layout.receiver_reader()
        self._name = layout.argument(0) if place.endswith("__getattribute__") else None

    def before(self, values: Values) -> None:
        """Whose is it now?"""
        if self._name is None or self._name(values) in _READ:
            self._tokens.used(self._self_of(values))


oauthlib = OAuthClients("oauthlib", "3.0", f"{_CLIENT}.populate_token_attributes", f"{_CLIENT}.__getattribute__")
authlib = OAuthClients(
    "Authlib", "1.0", "authlib.oauth2.auth:TokenAuth.set_token", "authlib.oauth2.auth:TokenAuth.prepare"
)
