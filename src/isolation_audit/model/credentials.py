"""Credentials: which parts of a request stand for a session, or for somebody who may come in.

Cookies of sessions, the ``Authorization`` header, API keys and tokens in headers and in the query. What is only a
preference, a counter of visits, or a token against forged forms stands for nobody.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from isolation_audit.analysis.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

_SHORTEST: Final = 6
"""Characters below which a value is taken for a setting."""

_LONGEST: Final = 16 * 1024

_DRAWN: Final = 20
"""Characters from which on a cookie of any name may have been drawn at random."""

_KINDS: Final = 12
"""Different characters that such a value has at least."""

_session_name: Final = pattern(
    r"(?i)sess|(?:^|[^a-z])s?id$|connect\.sid|auth|token|jwt|login|remember|identity|user|account"
)
_nobody_s: Final = pattern(
    r"(?i)csrf|xsrf|^_g(?:a|id|ac|cl)|^_fbp|^_hj|^_pk_|^_clck|^_clsk|^__utm|^ajs_|^mp_|^amp_|optimizely|intercom-device"
    r"|awsalb|^__cf|^cf_|bigip|serverid|routeid|ingresscookie|arraffinity|consent|locale|lang|theme|timezone|device"
    r"|visitor|analytics|tracking|(?:^|[-_.])(?:flash|messages|redirect|return|next|state|nonce|pkce|verifier)$"
)
"""Cookies that load balancers, analytics, preferences and forms set; one browser keeps them over many logins."""

_key_name: Final = pattern(
    r"(?i)(?:^|[-_])(?:api[-_]?key|(?:auth|access|session|id|user|bearer)[-_]?token|token|session(?:[-_]?id)?|sid|jwt"
    r"|jwt[-_]assertion|auth)$"
)
_no_key: Final = pattern(r"(?i)csrf|xsrf|idempotency|device|push|page|next|cursor|reset|invite|verif|socket-io")


_nothing: Final = pattern(r"-[0-9]+|0+")

cache_of_names: Final = lru_cache(2_000)
"""Browsers send the same few names with every request."""


def cookies_in(value: str, configured: Collection[str]) -> Iterator[tuple[str, str]]:
    """Names and values of the cookies in a ``Cookie`` header that stand for a session."""
    for part in value.split(";"):
        name, found, text = part.strip().partition("=")
        if found and is_session_cookie(name, text, configured):
            yield name, text


def is_session_cookie(name: str, value: str, configured: Collection[str]) -> bool:
    """By the framework's setting, by its name, or because its value cannot be guessed."""
    if not _SHORTEST <= len(value) <= _LONGEST:
        return False
    said = True if name in configured else _says(name)
    return is_drawn(value) if said is None else said


@cache_of_names
def _says(name: str) -> bool | None:
    """Whether a cookie's name says that it is a session's; None where it says nothing."""
    return False if _nobody_s.search(name) else _session_name.search(name) is not None or None


def says_session(name: str) -> bool:
    """True for a cookie that its name says is a session's, whatever its value."""
    return _says(name) is True


def is_drawn(value: str) -> bool:
    """True for what looks drawn at random: long, of many different characters, digits among letters."""
    return (
        len(value) >= _DRAWN
        and len(set(value)) >= _KINDS
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and " " not in value
    )


def keys_in(name: str, value: str) -> Iterator[str]:
    """The credential in a header that is no cookie, by the header's name in lower case."""
    if name == "authorization":
        _scheme, found, rest = value.strip().partition(" ")
        yield from usable(rest.strip() if found else value.strip())
    elif is_key(name):
        yield from usable(value.strip())


def keys_in_query(query: str) -> Iterator[str]:
    """The credentials in a query string."""
    if "=" not in query:
        return
    for part in query.split("&"):
        name, found, value = part.partition("=")
        if found and is_key(name):
            yield from usable(unquote_plus(value))


@cache_of_names
def is_key(name: str) -> bool:
    """Whether a header or a parameter of the query holds a credential, by its name."""
    return _key_name.search(name) is not None and _no_key.search(name) is None


def usable(value: str) -> Iterator[str]:
    """The value, where it is neither too short for a credential nor too long."""
    if _SHORTEST <= len(value) <= _LONGEST:
        yield value


def cookie_set(header: str) -> tuple[str, str]:
    """Name and value of a ``Set-Cookie`` header; the value is empty where it takes the cookie away."""
    first, *attributes = header.split(";")
    name, _, value = first.strip().partition("=")
    for attribute in attributes:
        key, _, text = attribute.strip().partition("=")
        lower = key.lower()
        # Of any length, and what Python takes for a digit is none to a browser: so it is not made a number.
        if (lower == "max-age" and _nothing.fullmatch(text.strip())) or (
            lower == "expires" and " 1970 " in text.replace("-", " ")
        ):
            return name, ""
    return name, "" if value in ('""', "null", "deleted") else value


def plain_cookie(value: str) -> str:
    """One way of writing for one cookie: clients send back what was quoted with or without the quotes."""
    return value.strip('"')


def presented_in(
    headers: Iterable[tuple[str, str]], query: str, configured: Collection[str], digest: Callable[[str], bytes]
) -> Presented:
    """What a request presents, each by its digest."""
    cookies: dict[str, bytes] = {}
    keys: dict[bytes, None] = {}
    for name, value in headers:
        if name == "cookie":
            for cookie, text in cookies_in(value, configured):
                cookies[cookie] = digest(plain_cookie(text))
        elif name == "authorization" or is_key(name):
            for key in keys_in(name, value):
                keys[digest(key)] = None
    for key in keys_in_query(query) if query else ():
        keys[digest(key)] = None
    return Presented(cookies, tuple(keys))


class Presented:
    """The digests of what one request presents: ``cookies`` by name, and ``keys``, which no browser sends by itself."""

    __slots__ = ("cookies", "keys")

    def __init__(self, cookies: dict[str, bytes], keys: tuple[bytes, ...] = ()) -> None:
        self.cookies = cookies
        self.keys = keys

    def all(self) -> tuple[bytes, ...]:
        """All of them."""
        return (*self.cookies.values(), *self.keys) if self.cookies else self.keys
