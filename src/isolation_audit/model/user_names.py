"""From what frameworks call a user to an id: read from values alone, no code of the application runs for it.

Sessions, database objects and lazy proxies do things when they are asked: they note that they were read, query, log in.
So fields are read past their classes' own ways of reading them, and what has no plain field says nothing.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import partial
from types import MemberDescriptorType
from typing import Any, Final
from uuid import UUID
from weakref import ref

from isolation_audit.analysis.foreign_json import value_in
from isolation_audit.analysis.patterns import pattern
from isolation_audit.model.user_sources import USER_CLAIMS
from isolation_audit.model.users import plain_number, plain_text

LONGEST: Final = 128
"""Characters beyond which a text is taken for a token of some kind, and for nobody's name."""

_NOBODY: Final = frozenset(
    ["-", "anon", "anonymous", "anonymoususer", "false", "guest", "n/a", "nil", "nobody", "none", "null", "undefined",
     "unknown"]
)  # fmt: skip

FIELDS: Final = (
    *("username", "user_name", "login", "email", "user_id", "id", "uid", "uuid", "pk", "sub", "identity", "name"),
)
"""What a user is called, the most telling first: names are found again in what is sent, numbers are not."""

_ALIASES: Final = ("username", "user_name", "login", "email")
"""Fields that are other names of the same user, and nobody else's."""

CLAIMS: Final = USER_CLAIMS
"""The claims by which tokens name their users, the best first."""

_SHORTEST_PAIR: Final = 16
"""Characters of the shortest pair of a name and a secret in base64; a word for a key may be base64 by accident."""

_user_parameter: Final = pattern(r'(?i)(?:^|[ ,])username="([^"]+)"')

_MADE_OF: Final = "access_token"
"""Where a user object has the token that it was made of. Its claims say who it is; the object's own name may be that of
the program which has come on the user's behalf, as with MCP's."""

_is_uuid = pattern(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""No two things are called so: it is looked for in what is sent, unlike a number."""

_is_opaque = pattern(r"[0-9]+|[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
"""It tells people nothing: they call its bearer otherwise."""

_is_login_name = pattern(r"[a-z0-9][a-z0-9._@+-]{2,}")

_CLAIMED: Final = ("email", "preferred_username", "username")
_IN_CONTEXTS: Final = (*_ALIASES, "user_id", "sub")


def is_login_name(text: str) -> bool:
    """True for one word in lower case, as people log in with; no "Alice Liddell" that others may have, too."""
    return _is_login_name.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Name:
    """What a source calls a user: the ``id``, and further names of the same user."""

    id: str
    aliases: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    """Further ids of the same user, which may be numbers: nobody is looked for by them in what is sent."""


class Unresolved:
    """Says: it will turn out later who this is."""


UNRESOLVED: Final = Unresolved()


def plain_id(value: object) -> str | None:
    """An id as text; None for what is none, too long, or a word for nobody."""
    kind = type(value)
    if kind is bool:
        return None
    if issubclass(kind, int):
        return plain_number(value)  # type: ignore[arg-type]
    if issubclass(kind, UUID):
        return UUID.__str__(value)
    text: str = (value if kind is str else plain_text(value) or "").strip()  # type: ignore[attr-defined]
    return text if text and len(text) <= LONGEST and text.lower() not in _NOBODY else None


def name_of(person: object) -> Name | Unresolved | None:
    """The name of what a framework has for a user: an id, a mapping, or any object with fields; None for nobody."""
    whole = plain_id(person)
    if whole is not None:
        return Name(whole)
    fields = fields_of(person)
    if "_wrapped" in fields:  # Django's lazy objects
        inner = fields["_wrapped"]
        return UNRESOLVED if inner is None or type(inner) is object else name_of(inner)
    columns = fields.get("__data__")  # where peewee has them
    if type(columns) is dict:
        return name_of(columns)
    made_of = fields.get(_MADE_OF)
    told = None if made_of is None else name_in_claims(field_of(made_of, "claims"))
    if told is not None:
        return told
    found = _ids_in(person, fields) or _kept_to_itself(person, fields)
    if not found:
        return _name_inside(fields)
    chosen = found[0][1]
    others = [(field, text) for field, text in found[1:] if text != chosen and field != "name"]
    aliases = [text for field, text in others if field in _ALIASES or _is_uuid.fullmatch(text)]
    field, called = found[-1]
    if _is_opaque.fullmatch(chosen) is not None and not aliases and field == "name" and is_login_name(called):
        aliases.append(called)
    return Name(
        chosen,
        tuple(aliases),
        tuple([text for _field, text in others if text not in aliases]),
    )


def _ids_in(person: object, fields: dict[str, Any]) -> list[tuple[str, str]]:
    """The fields of a person that have an id, and the ids, the most telling first."""
    found = []
    for field in FIELDS:
        value = fields.get(field) if fields else _slot(person, field)
        text = None if value is None else plain_id(value)
        if text is not None:
            found.append((field, text))
    return found


def _kept_to_itself(person: object, fields: dict[str, Any]) -> list[tuple[str, str]]:
    """The same for an object that shows properties only: its fields are ``_username``, or ``_User__username``."""
    held = {_bare(name): value for name, value in list(fields.items()) if name.startswith("_")}
    found = []
    for field in FIELDS:
        value = held.get(field) if fields else _slot(person, "_" + field)
        text = None if value is None else plain_id(value)
        if text is not None:
            found.append((field, text))
    return found


def _bare(hidden: str) -> str:
    """A field's name without what hides it, the class in front of ``__username`` included."""
    _, mangled, name = hidden[1:].partition("__")
    return name if mangled else hidden[1:]


def _name_inside(fields: dict[str, Any]) -> Name | Unresolved | None:
    """The name of what an object is wrapped around: a row of the database that is its one field for a user."""
    inner = [value for field, value in fields.items() if field.endswith("user") and fields_of(value)]
    if len(inner) != 1 or not any(plain_id(field_of(inner[0], field)) for field in FIELDS):
        return None
    return name_of(inner[0])


def name_in_claims(claims: object, keys: tuple[str, ...] = CLAIMS, place: int | None = None) -> Name | None:
    """The user of a decoded token by the first of ``keys``, with the other names of the same person that it has.

    ``place`` is what :func:`claim_of` has said, where it was asked before.
    """
    place = claim_of(claims, keys) if place is None else place
    if place < 0:
        return None
    mapping: Any = claims
    chosen = plain_id(dict.get(mapping, keys[place]))
    if chosen is None:
        return None
    aliases: dict[str, None] = {}
    ids: dict[str, None] = {}
    for key in (*_CLAIMED, *keys[place + 1 :]):
        held = dict.get(mapping, key)
        other = None if held is None else plain_id(held)
        if other is not None and other != chosen:
            (aliases if key in _CLAIMED or _is_uuid.fullmatch(other) else ids)[other] = None
    return Name(chosen, tuple(aliases), tuple(ids))


def claim_of(claims: object, keys: tuple[str, ...]) -> int:
    """The place in ``keys`` of the first claim that a token has; -1 where it has none."""
    if not issubclass(type(claims), dict):
        return -1
    mapping: Any = claims
    for place, key in enumerate(keys):
        held = dict.get(mapping, key)
        if held is not None and plain_id(held) is not None:
            return place
    return -1


def names_in_context(context: object, user_id: str) -> Name | None:
    """The other names of a user in a context that has this id of theirs; what names the context itself is left out."""
    fields = fields_of(context)
    aliases: list[str] = []
    ids: list[str] = []
    named = False
    for key in _IN_CONTEXTS:
        value = fields.get(key) if fields else _slot(context, key)
        text = None if value is None else plain_id(value)
        if text is not None:
            if text == user_id:
                named = True
            else:
                (aliases if key in _ALIASES or _is_uuid.fullmatch(text) else ids).append(text)
    return Name(user_id, tuple(aliases), tuple(ids)) if named and (aliases or ids) else None


def field_of(person: object, field: str) -> Any:
    """One field of an object or a mapping, where it is plain data; None where there is none."""
    fields = fields_of(person)
    return fields.get(field) if fields else _slot(person, field)


def fields_of(person: object) -> dict[str, Any]:
    """The fields of an object, or the telling ones of a mapping, past the class's own way of reading them."""
    if issubclass(type(person), dict):
        mapping: Any = person
        return dict(zip(FIELDS, map(partial(dict.get, mapping), FIELDS), strict=True))
    try:
        fields = object.__getattribute__(person, "__dict__")
    except AttributeError:
        return {}
    return fields if type(fields) is dict else {}


def _slot(person: object, field: str) -> Any:
    raw = slots_of(type(person)).get(field)
    if raw is None:
        return None
    try:
        return raw.__get__(person)
    except AttributeError:
        return None


_CLASSES: Final = 5_000
_slots: Final[dict[int, tuple[ref[type], dict[str, Any]]]] = {}
"""By the identity of a class, which is asked for each object that has no other fields."""


def slots_of(kind: type) -> dict[str, Any]:
    """The descriptors of a class's slots, by name."""
    known = _slots.get(id(kind))
    if known is not None and known[0]() is kind:
        return known[1]
    found: dict[str, Any] = {}
    for cls in reversed(kind.__mro__):
        found.update((name, raw) for name, raw in list(cls.__dict__.items()) if type(raw) is MemberDescriptorType)
    if len(_slots) >= _CLASSES:
        _slots.clear()
    _slots[id(kind)] = ref(kind), found
    return found


def name_in_authorization(value: str, claims: tuple[str, ...] = CLAIMS) -> Name | None:
    """Who sends an ``Authorization`` header, where it says so.

    That is the name of Basic and of other schemes that send ``name:secret`` in base64, as applications make up for
    their sessions; the ``username`` of Digest and the like; and the user of a signed token.
    Anything opaque names a session or a program, not a user: one user has several of them, and several users may share
    one. The signature is not checked: this is about who is meant, and the application has its own opinion of that.
    """
    scheme, _, rest = value.partition(" ")
    try:
        if scheme.lower() == "basic":
            name = plain_id(base64.b64decode(rest, validate=True).decode().partition(":")[0])
            return None if name is None else Name(name)
        if scheme.lower() == "bearer":
            if rest.count(".") != 2:
                return None
            return name_in_claims(value_in(base64.urlsafe_b64decode(rest.split(".")[1] + "==")), claims)
        said = _user_parameter.search(rest)
        name = plain_id(said[1] if said is not None else _before_the_secret(rest))
        return None if name is None else Name(name)
    except (ValueError, binascii.Error):
        pass
    return None


def _before_the_secret(credentials: str) -> str | None:
    """The name in ``name:secret`` in base64, whatever the scheme is called; None for what is something else."""
    if len(credentials) < _SHORTEST_PAIR:
        return None
    name, colon, secret = (
        base64.b64decode(credentials + "=" * (-len(credentials) % 4), validate=True).decode().partition(":")
    )
    return name if colon and name.isprintable() and secret.isprintable() and " " not in name else None
