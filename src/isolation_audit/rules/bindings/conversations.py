"""Conversations: what agent frameworks keep under an id, or in an object, and whose work goes on with it.

The next message of a conversation is answered with all that was said before. One that alice has begun and bob goes on
with therefore gives him hers, whether or not the answer repeats it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.stacks import DEEP, capture
from isolation_audit.instrument.tracking.observations import Rebound
from isolation_audit.model.owner_tags import OwnerTags, drop_oldest
from isolation_audit.model.tables import ByIdentity
from isolation_audit.model.users import Kind, same
from isolation_audit.vocabulary.agents import AgentConversations

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

_UNNAMED: Final = ""


class Conversations(AgentConversations):
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._limit = runtime.config.limits.bindings
        self._of_objects = OwnerTags()
        self._of_stores: ByIdentity[dict[str, User]] = ByIdentity()
        self._named: dict[tuple[str, str], User] = {}

    def goes_on(self, kind: str, held: object) -> None:
        """The running work adds to a conversation that an object of its own holds; ``kind`` says what it is."""
        user = self._user()
        if user is not None:
            earlier = self._of_objects.get(held)
            self._of_objects.put(held, user)
            self._compare(kind, _UNNAMED, earlier, user)

    def goes_on_under(self, kind: str, name: str, store: object = None) -> None:
        """The same where it is kept under a name, in this ``store`` alone, or else wherever all processes keep it."""
        user = self._user()
        if user is None:
            return
        table: dict[Any, User] = self._named if store is None else self._of_stores.setdefault(store, {})
        key = (kind, name) if store is None else name
        earlier, table[key] = table.get(key), user
        drop_oldest(table, self._limit)
        self._compare(kind, name, earlier, user)

    def keeps(self, name: str, store: object) -> None:
        """The running work puts something into a store, under a name: nobody's yet, as long as nobody reads it."""
        user = self._user()
        if user is not None:
            table = self._of_stores.setdefault(store, {})
            table[f"{name}\0{user.id}"] = user  # it keeps what each of them has put there
            drop_oldest(table, self._limit)

    def recalls(self, kind: str, name: str, store: object) -> None:
        """The running work asks the store for what is under this name, or under one that begins with it."""
        user = self._user()
        for kept, earlier in [] if user is None else list((self._of_stores.get(store) or {}).items()):
            kept_under = kept.partition("\0")[0]
            if user is not None and kept_under.startswith(name) and not same(earlier, user):
                self._compare(kind, kept_under, earlier, user)
                return

    def forgets(self, name: str, store: object) -> None:
        """The store has nothing any more under this name, nor under those that begin with it."""
        table = self._of_stores.get(store) or {}
        for kept in [one for one in list(table) if one.startswith(name)]:
            table.pop(kept, None)

    def is_over(self, name: str, store: object) -> None:
        """The store has nothing under this name any more."""
        (self._of_stores.get(store) or {}).pop(name, None)

    def _user(self) -> User | None:
        user = self._runtime.ambient.current()
        return user if user is not None and user.kind is Kind.USER else None

    def _compare(self, kind: str, name: str, earlier: User | None, user: User) -> None:
        if earlier is None or same(earlier, user):
            return
        if name and any(fnmatchcase(name, glob) for glob in self._runtime.config.addressees.shared):
            return
        self._runtime.publish(Rebound(kind, earlier, user, stack=capture(DEEP)))
