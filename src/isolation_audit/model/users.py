"""Users as interned tokens: the hot path compares users with ``is``."""

from __future__ import annotations

import re
from enum import Enum
from fnmatch import translate
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import UUID
from weakref import WeakValueDictionary

from isolation_audit.analysis.texts import LONGEST, bounded
from isolation_audit.model.remembered import remembered
from isolation_audit.model.tables import let_go

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Kind(Enum):
    """What an id stands for."""

    USER = "user"
    SYSTEM = "system"
    """A declared principal that may touch everyone."""
    PLACEHOLDER = "placeholder"
    """A stand-in such as ``anonymous``: reported, and worth nothing as a witness."""
    EVERYONE = "everyone"
    """The addressee of a broadcast."""
    ROOM = "room"
    """Several users."""


class User:
    """One token for one user id; two live tokens of one table never share an id."""

    __slots__ = ("__weakref__", "digest", "id", "kind", "known_as", "login")

    def __init__(self, id: str, kind: Kind = Kind.USER, digest: str | None = None) -> None:  # noqa: A002 - the field's own name
        self.id = id
        self.kind = kind
        self.login = False
        """True once somebody was at work under this id; else it is only a name that others have used."""
        self.known_as: User | None = None
        """Of a party, the user that it has turned out to be."""
        self.digest = digest
        """What stands for the user between processes, where they share bindings."""

    def __repr__(self) -> str:
        # No id: a repr ends up in logs, and ids leave the process only as pseudonyms.
        return f"<User {self.kind.value}>"


_LONGEST_NUMBER: Final = 128
"""Bits of a number that may be an id."""


def plain_number(value: int) -> str | None:
    """A number as text, the plain type's own way, whatever a subclass overrides; None for one too large for an id."""
    return int.__repr__(value) if int.bit_length(value) <= _LONGEST_NUMBER else None


_TEXT: dict[str, tuple[type, Callable[[Any], str | None]]] = {"int": (int, plain_number), "uuid": (UUID, UUID.__str__)}
"""Types of ids beside str, and how each is written."""

EVERYONE = User("*", Kind.EVERYONE)

VISITOR = User("\0visitor", Kind.PLACEHOLDER)
"""Whoever comes without a login to what is open to all."""

SEVERAL = User("+", Kind.ROOM)
"""The members of a room in which the event may be."""

STRANGER: Final = "\0stranger "
"""Before a digest, the id of a user whom only another process knows; the NUL keeps it apart from real ids."""


PARTY: Final = "\0session "
"""Before a digest, the id of whoever comes with a credential, as long as nobody knows whose it is."""


class Listener(Protocol):
    """Whoever has to know which identifiers are known at this moment."""

    def learned(self, identifier: str, user: User) -> None:
        """A table has a new identifier, or an old one has a new user."""

    def forgotten(self, identifier: str) -> None:
        """A full table has let an identifier go."""


def plain_text(value: object) -> str | None:
    """The characters of a string as a plain ``str``; None for everything else.

    By its type, never by isinstance(): a proxy's ``__class__`` is the application's code, and it may lie. So may the
    methods of a subclass.
    """
    kind = type(value)
    if kind is str:
        return value  # type: ignore[return-value]
    return str.__str__(value) if issubclass(kind, str) else None


def plain_name(value: object) -> str | None:
    """:func:`plain_text` of what is kept or compared as an id or a name: of a long one its beginning and its digest."""
    text: str | None = value if type(value) is str else plain_text(value)
    return text if text is None or len(text) <= LONGEST else bounded(text)


def same(one: User, other: User) -> bool:
    """True for one user: ids decide when an evicted token meets its successor, digests when a stranger is known."""
    if one is other or one.id == other.id or (one.digest is not None and one.digest == other.digest):
        return True
    known, other_known = one.known_as or one, other.known_as or other
    return (known is not one or other_known is not other) and same(known, other_known)


class Users:
    """Interns ids; bounded: beyond ``limit`` the oldest tokens are forgotten and ``evicted`` counts them.

    ``digest`` makes what stands for a user between processes; None where they share nothing.
    """

    def __init__(
        self,
        *,
        placeholders: Iterable[str] = (),
        system: Iterable[str] = (),
        id_types: Iterable[str] = ("str",),
        limit: int = 100_000,
        digest: Callable[[str], str] | None = None,
    ) -> None:
        self._digest = digest
        self._tokens: dict[str, User] = {}
        self._taken_back: WeakValueDictionary[str, User] = WeakValueDictionary()
        """Tokens that were a mistake, as long as anybody holds them."""
        self.known: Callable[[str], User | None] = self._tokens.get
        """The token of an id that has one already; what :meth:`token` asks first, for those who can't wait."""
        self.count: Callable[[], int] = self._tokens.__len__
        """How many have one; as ``len()``, which calls a function of Python's more."""
        self._placeholder = _any_of(placeholders)
        self._system = _any_of(system)
        self._convertible = tuple([_TEXT[name] for name in id_types if name != "str"])
        self._limit = limit
        self.evicted = 0
        self.listener: Listener | None = None

    def __len__(self) -> int:
        return len(self._tokens)

    def token(self, value: object) -> User | None:
        """The token of a user id, or None where ``value`` is no id (None, a Mock, an empty string, ...)."""
        kind = type(value)
        if kind is str:
            return self.known(value) or self._intern(value)  # type: ignore[arg-type]
        if issubclass(kind, str):
            return self.token(plain_text(value))
        if kind is not bool:
            for plain, text in self._convertible:
                if issubclass(kind, plain):
                    return self.token(text(value))
        return None

    def _intern(self, value: str) -> User | None:
        if not value:
            return None
        if len(value) > LONGEST and not value.startswith(STRANGER):
            return self.token(bounded(value))
        stranger = value.startswith(STRANGER)
        if stranger:
            made = User(value, Kind.USER, value.removeprefix(STRANGER))
        elif (held := self._taken_back.pop(value, None)) is not None:
            # Another source calls somebody so as well: it was right, and who holds the token holds that user's.
            held.kind = self._kind(value)
            made = held
        else:
            made = User(value, self._kind(value), None if self._digest is None else self._digest(value))
        # setdefault decides between threads that meet the same new id at once.
        user = self._tokens.setdefault(value, made)
        if self.listener is not None and not stranger:
            self.listener.learned(value, user)
        for oldest in let_go(self._tokens, self._limit):
            self.evicted += 1
            remembered.forget()
            if self.listener is not None:
                self.listener.forgotten(oldest)
        return user

    def forget(self, user_id: str) -> None:
        """Take back that this is a user: it has turned out to be a mistake. Who holds the token holds nobody's.

        Unless somebody is called so again: then the token is that user's, so that a connection that was opened by whom
        a weaker source has told stays theirs.
        """
        user = self._tokens.pop(user_id, None)
        if user is not None:
            user.kind, user.login = Kind.PLACEHOLDER, False
            self._taken_back[user_id] = user
            remembered.forget()
            if self.listener is not None:
                self.listener.forgotten(user_id)

    def _kind(self, value: str) -> Kind:
        if self._system is not None and self._system.match(value):
            return Kind.SYSTEM
        if self._placeholder is not None and self._placeholder.match(value):
            return Kind.PLACEHOLDER
        return Kind.USER


def _any_of(globs: Iterable[str]) -> re.Pattern[str] | None:
    patterns = [translate(glob) for glob in globs]
    return re.compile("|".join(patterns)) if patterns else None
