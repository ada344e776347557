"""Other names: one person is ``alice`` at the login, ``alice@example.com`` as an addressee, and 42 in the database.

Two names are one person's where one login, token, request or user context shows both. A name that has logged in by
itself is a user of its own, whatever anybody's record says: two logins never become one user. A name that two persons
have shown means neither of them. Letters' case counts between logins: ``Alice`` and ``alice`` may both have an account.
A name that has never logged in, and differs from the names of exactly one user by nothing but case, means that user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.model.remembered import remembered
from isolation_audit.model.tables import let_go
from isolation_audit.model.users import Kind, same

if TYPE_CHECKING:
    from isolation_audit.model.bindings import Bindings
    from isolation_audit.model.user_names import Name
    from isolation_audit.model.users import User, Users

ALIAS: Final = "login"
"""The kind of binding under which further names of a user are known to the search of payloads."""

_UNKNOWN: Final = object()
_USER: Final = Kind.USER

Table = dict[str, "User | None"]
"""By name; None for what several persons have shown."""


class OtherNames:
    """Whom a name means, where it is not the one that its bearer has logged in with; bounded by ``limits.users``."""

    def __init__(self, users: Users, bindings: Bindings, *, limit: int = 100_000) -> None:
        self._users = users
        self._bindings = bindings
        self._known = users.known
        self._token = users.token
        self._limit = limit
        self._shown: Table = {}
        self._in_any_case: Table = {}
        """By name in small letters, where that is not the id itself: of most users it is, and they are asked for it."""
        self.evicted = 0

    def __len__(self) -> int:
        """Entries of the fuller table."""
        return max(len(self._shown), len(self._in_any_case))

    def enter(self, user: User) -> None:
        """A user is at work, by a login, a scope or the application's variable: from now on the id is its own."""
        if user.login:
            return
        user.login = True
        remembered.forget()
        folded = user.id.casefold()
        if user.kind is _USER and folded != user.id:
            self._note(self._in_any_case, folded, user)

    def learn(self, name: Name, user: User) -> None:
        """One login, token or request has shown these names of a user."""
        for alias in name.aliases:
            self._learn(alias, user)
            self._bindings.learn(ALIAS, alias, user)
        for alias in name.ids:
            self._learn(alias, user)

    def _learn(self, alias: str, user: User) -> None:
        known = self._known(alias)
        if alias == user.id or user.kind is not _USER or (known is not None and known.login):
            return
        self._note(self._shown, alias, user)
        self._note(self._in_any_case, _folded(alias), user)
        if known is not None and known.kind is _USER:
            self._users.forget(alias)

    def part(self, name: str) -> None:
        """It has turned out that this is no other name of anybody's."""
        remembered.forget()
        self._shown.pop(name, None)
        self._in_any_case.pop(name.casefold(), None)
        self._bindings.forget(ALIAS, name)

    def _note(self, table: Table, name: str, user: User) -> None:
        before: Any = table.get(name, _UNKNOWN)
        if before is user or before is None:
            return
        remembered.forget()
        several = before is not _UNKNOWN and before.kind is _USER and not same(before, user)
        table[name] = None if several else user
        self.evicted += sum(1 for _gone in let_go(table, self._limit))

    def meant(self, value: object) -> User | None:
        """The user whom an owner or an addressee names by this value; None for no id, and for what may mean several."""
        user = self._known(value) if type(value) is str else self._token(value)
        if user is not None and (user.login or user.kind is not _USER):
            return user
        name: Any = value if type(value) is str else None if user is None else user.id
        if name is None:
            return None
        found: Any = self._shown.get(name, _UNKNOWN)
        if found is _UNKNOWN:
            found = self._of_any_case(name.casefold())
        return (user or self._token(name)) if found is _UNKNOWN else found

    def of(self, name: str) -> User | None:
        """Whose other name this is, or whose id; None for nobody's yet, and for what several have shown."""
        user = self._known(name)
        return user if user is not None and user.login else self._shown.get(name)

    def _of_any_case(self, folded: str) -> Any:
        """Whom a name means, whatever the case of its letters; None for what may mean two of them."""
        found: Any = self._in_any_case.get(folded, _UNKNOWN)
        written_so = self._known(folded)
        if written_so is None or written_so.kind is not _USER or not written_so.login:
            return found
        return written_so if found is _UNKNOWN or (found is not None and same(found, written_so)) else None


def _folded(name: str) -> str:
    """In any case: the same text where that changes nothing, and not another one that has to be kept, too."""
    folded = name.casefold()
    return name if folded == name else folded
