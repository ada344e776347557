"""Where applications keep whoever is logged in: in the session, and in what they note for one request.

Read as plain entries of a mapping, past its own way of reading: sessions note that they were read.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from typing import Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.model.user_names import field_of, plain_id

SESSION_KEYS: Final = ("user_id", "_user_id", "uid", "username", "user_name", "email", "sub", "user")
"""Where applications keep who has logged in, each a source of its own, the best first."""

PLACES: Final = len(SESSION_KEYS) + 1
"""How many sources there are in one mapping: the last is a name that an application makes up."""

SUFFIXED: Final = PLACES
"""The place of a name that ends in ``user`` and begins with a word of the application's own."""

LATER: Final = object()
"""Stands for a user who is not known yet."""

_OF_PERSONS: Final = ("username", "user_name", "login", "email", "user_id", "sub")
"""What persons have, and scopes, keys and services have not."""

_LONGEST_KEY: Final = 32
_capital: Final = pattern(r"([a-z])([A-Z])")
_person: Final = pattern(
    r"(?:(?:admin|auth|authenticated|current|logged_?in|login|my|session|site|web)_?)?"
    r"(?:actor|member|principal|user)(?:_?(?:id|name|email|uuid|pk))?"
    r"|logged_in_(?:as|user)|identity"
)
"""Names of the same that applications make up. What else may be called a user there, as one who is looked at, edited or
stood in for, has another word before it; an account or a customer may be several people."""

_about_person: Final = pattern(r"(?:current_|login_|session_)?user_?(?:info|data|details)")
"""Names of what an application keeps about whoever is logged in, which is one object with several fields."""

_own_word: Final = pattern(r"([a-z]+)_user")
OTHERS: Final = frozenset(
    ["affected", "another", "any", "anonymous", "assigned", "author", "blocked", "bot", "created", "creating",
     "database", "db", "default", "deleted", "edited", "every", "existing", "first", "followed", "for", "found",
     "friend", "from", "guest", "impersonated", "impersonating", "invited", "inviting", "last", "matched",
     "mentioned", "new", "next", "old", "original", "other", "owner", "owning", "page", "path", "peer", "previous",
     "profile", "public", "random", "real", "receiving", "referring", "related", "remote", "removed", "requested",
     "second", "selected", "sending", "service", "shared", "shown", "some", "super", "system", "tagged", "target",
     "test", "the", "to", "updated", "viewed", "visited", "watched"]
)  # fmt: skip
"""Words for a user who may be somebody else than the one who asks."""


def kept_in(mapping: Any) -> tuple[int | None, Any]:
    """What a session keeps its user under, as a place among the sources, and that; None where it keeps nobody."""
    if issubclass(type(mapping), dict):
        for place, key in enumerate(SESSION_KEYS):
            value = dict.get(mapping, key)
            if value is not None and type(value) is not bytes:  # Twisted's own id of a session is no text
                return place, value
        for key, value in list(dict.items(mapping)):
            if value is not None and type(key) is str and (_is_a_persons(key) or _tells_of_person(key, value)):
                return PLACES - 1, value
    return None, None


def kept_in_namespace(namespace: dict[str, Any], seen: int) -> tuple[int | None, Any]:
    """The same of what is noted for one request, but for the first ``seen`` entries, which were there before it.

    Services are noted there as well: what is called like an id has to be one, and not an object that sends mails, say.
    A name that ends in ``user`` counts where it is the only one, and where an object is under it; so does ``auth`` with
    a person in it. ``LATER`` is what is found where there is a name without a value.
    """
    entries = {_text_of(key): value for key, value in islice(list(namespace.items()), seen, None)}
    for place, key in enumerate(SESSION_KEYS):
        value = entries.get(key)
        if value is not None and (key == "user" or plain_id(value) is not None):
            return place, value
    suffixed = []
    later = None
    for key, value in entries.items():
        if _is_a_persons(key):
            if value is not None:
                return PLACES - 1, value
            later = LATER
        elif value is not None and plain_id(value) is None and (_is_an_own_word(key) or _is_authenticated(key, value)):
            suffixed.append(value)
    return (SUFFIXED, suffixed[0]) if len(suffixed) == 1 else (None, later)


def _is_authenticated(key: str, value: object) -> bool:
    return key == "auth" and _has_fields_of_persons(value)


def _tells_of_person(key: str, value: object) -> bool:
    return _is_about_person(key) and _has_fields_of_persons(value)


def _has_fields_of_persons(value: object) -> bool:
    return any(plain_id(field_of(value, field)) is not None for field in _OF_PERSONS)


def _text_of(key: object) -> str:
    """A name, also where it is kept as an object of its own (aiohttp's ``RequestKey``), with a module's in front."""
    text = key if type(key) is str else field_of(key, "_name")
    return text.rpartition(".")[2] if type(text) is str else ""


@lru_cache(200)
def _is_a_persons(key: str) -> bool:
    return len(key) <= _LONGEST_KEY and _person.fullmatch(spelled(key)) is not None


@lru_cache(200)
def _is_about_person(key: str) -> bool:
    return len(key) <= _LONGEST_KEY and _about_person.fullmatch(spelled(key)) is not None


@lru_cache(200)
def _is_an_own_word(key: str) -> bool:
    found = _own_word.fullmatch(spelled(key)) if len(key) <= _LONGEST_KEY else None
    return found is not None and found[1] not in OTHERS


@lru_cache(1_000)
def spelled(key: str) -> str:
    """A name in lower case with underscores: ``userId`` and ``USER_ID`` are ``user_id``."""
    return _capital.sub(r"\1_\2", key).lower().lstrip("_")
