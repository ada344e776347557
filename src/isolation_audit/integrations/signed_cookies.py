"""itsdangerous and cryptography: who the cookie of a request says its user is, once the application has opened it.

Frameworks sign the cookies of their sessions with the same libraries; those are read as sessions, and left out here.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import sources
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.user_names import plain_id
from isolation_audit.model.users import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.requests import Request

_is_a_user_s: Final = re.compile(
    r"(?i)user|uid|login|logged|account|auth|remember|identity|actor|member|principal|session|(?:^|[^a-z])sid$"
).search
"""What a cookie is called whose whole value is a user's id."""

_USERS: Final = ("user", "actor", "identity", "account", "member", "principal", "u", "a")
"""Where a cookie has its user as a mapping of its own."""

_LARGEST: Final = 4_096
"""Characters of a decrypted text that is read as JSON."""


class Opened:
    """The integration of one library: the functions that open what is signed or encrypted, and what they call it."""

    def __init__(self, distribution: str, since: str, argument: str, *targets: str) -> None:
        self.distribution = distribution
        self.since = since
        self._argument = argument
        self._targets = targets

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """Each of them."""
        if "token" in runtime.part(sources).detect:
            for target in self._targets:
                yield Point(target, partial(OpeningPoint, target, self._argument))


class OpeningPoint(Interceptor):
    """Around the opening; what was tampered with raises and tells nothing."""

    def __init__(self, place: str, argument: str, layout: Layout) -> None:
        self.place = place
        self._signed = layout.argument(argument)

    def before(self, values: Values) -> tuple[Request, str, str] | None:
        """Wait for what is in it, where it is a cookie that this request came with."""
        request = current_unit().request
        if request is None:
            return None
        signed = self._signed(values)
        text = str(signed, "latin-1") if type(signed) is bytes else plain_text(signed) or ""
        cookie = request.cookie_with(text)
        return None if cookie is None else (request, cookie, text)

    def after(self, state: tuple[Request, str, str], opened: Any) -> None:
        """Tell the request."""
        request, cookie, text = state
        content = _content(opened)
        if request.inputs is not None:
            request.inputs.receive(Input(REQUEST, content))
        claims = _claims(content, cookie)
        if claims is not None:
            request.decoded(text, claims)


def _content(opened: Any) -> Any:
    """What was in it: an object, or the JSON that bytes hold."""
    if type(opened) is not bytes or len(opened) > _LARGEST:
        return opened
    try:
        return json.loads(opened)
    except (ValueError, RecursionError):
        return opened.decode("utf-8", "replace")


def _claims(content: Any, cookie: str) -> dict[str, Any] | None:
    """What it says of its user, as a token's claims do."""
    if not issubclass(type(content), dict):
        name = plain_id(content)
        return {"sub": name} if name is not None and _is_a_user_s(cookie) else None
    inner = (dict.get(content, key) for key in _USERS)
    person = next((one for one in inner if one is not None), None)
    if issubclass(type(person), dict):
        return person
    whole = None if person is None else plain_id(person)
    return content if whole is None else {"sub": whole, **content}


itsdangerous = Opened(
    "itsdangerous", "2.0", "s", "itsdangerous.serializer:Serializer.loads", "itsdangerous.timed:TimedSerializer.loads"
)
cryptography = Opened("cryptography", "3.4", "token", "cryptography.fernet:Fernet.decrypt")
