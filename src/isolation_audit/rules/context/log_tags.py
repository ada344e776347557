"""Log tags: a user's id that what all requests log with still holds, and that goes out with another user's lines.

Loggers, adapters and filters outlive requests. Most of what they add to a line belongs to the process: a version, a
component. So it takes evidence that it is the user's: the value names them, and their work has put it there. And what
holds it has to be everybody's: an object of alice's may well log with alice's name while bob's work talks to it.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from isolation_audit.analysis.frames import beneath
from isolation_audit.content.borders import mentions
from isolation_audit.instrument.stacks import capture
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind, User, plain_name, plain_number, plain_text, same
from isolation_audit.rules.context.suspicions import ContextBled
from isolation_audit.vocabulary.libraries import LoggerTags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from isolation_audit.instrument.runtime import Runtime

LOGGED: Final = "a line of the work of {ambient} was logged with what the work of {owner} had put into a shared logger"
_PLACE: Final = "logged here"
_LIMIT: Final = 1_000
"""Sets of tags that are remembered."""
_TAGS: Final = 32
"""Tags of one set, or of one holder, that are looked at."""
_NAMES: Final = 128
"""Names of tags that are remembered of one holder, which may give each line others."""
_LONGEST: Final = 4_096
"""Characters of a tag that may name a user."""


class LogTags(LoggerTags):
    """Whose the tags of shared loggers are; use it with ``runtime.part``."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._bound: dict[int, dict[str, tuple[User, Any]]] = {}
        """By the identity of a set, whose tags are in it, each with the very value that names them.

        The set is not held: it may have whole requests in it. Whether it is still that set, that value tells.
        """
        self._seen: dict[int, tuple[ref[Any], dict[str, tuple[str, User | None, bool]]]] = {}
        """Of each holder its tags: the value, in whose work it was seen first, and whether there was another before.

        By identity: a filter of the application's may compare itself with others as it likes.
        """

    def bound(self, tags: dict[str, Any], given: Iterable[str], before: Any = None) -> None:
        """The running work has made or changed a set of tags; it has taken on the other tags of ``before``."""
        request = current_unit().request
        user = self._runtime.ambient.current()
        names = list(given)[:_TAGS]
        owners = self._owners_of(before)
        for name in names:
            owners.pop(name, None)
        if user is None and request is not None:
            request.when_known(lambda: self._keep(tags, names, owners, request.user()))
        self._keep(tags, names, owners, user)

    def knows(self, tags: Any) -> bool:
        """True where somebody's work has put a name of theirs into this set of tags."""
        return bool(self._owners_of(tags))

    def _owners_of(self, tags: Any) -> dict[str, tuple[User, Any]]:
        known = self._bound.get(id(tags))
        if known is None:
            return {}
        return {name: one for name, one in list(known.items()) if tags.get(name) is one[1]}

    def logged(self, tags: Any, libraries: tuple[str, ...]) -> None:
        """The running work logs a line with a set of tags that belongs to everybody."""
        owners = self._owners_of(tags)
        user = self._user() if owners else None
        if user is None:
            return
        for name, (owner, _value) in owners.items():
            if not same(user, owner):
                self._bound.get(id(tags), {}).pop(name, None)  # once
                self._tell(user, owner, libraries)

    def held(self, holder: Any, tags: Mapping[str, Any], libraries: tuple[str, ...]) -> None:
        """The running work logs a line with tags that a shared ``holder`` has in its own fields."""
        user = self._user()
        seen = self._seen_of(holder)
        if seen is None:
            return
        for name, value in [*islice(tags.items(), _TAGS)]:
            text = plain_name(value) or ""
            known = seen.get(name)
            if known is None or known[0] != text:
                owner = user if user is not None and self._names(text, user) else None
                seen[name] = text, owner, known is not None
                drop_oldest(seen, _NAMES)
            elif known[1] is not None and known[2] and user is not None and not same(user, known[1]):
                seen[name] = text, None, True  # once
                self._tell(user, known[1], libraries)

    def _seen_of(self, holder: Any) -> dict[str, tuple[str, User | None, bool]] | None:
        known = self._seen.get(id(holder))
        if known is not None and known[0]() is holder:
            return known[1]
        try:
            seen: dict[str, tuple[str, User | None, bool]] = {}
            self._seen[id(holder)] = ref(holder), seen
        except TypeError:  # it can't be referred to weakly
            return None
        drop_oldest(self._seen, _LIMIT)
        return seen

    def _keep(self, tags: Any, names: list[str], owners: dict[str, tuple[User, Any]], user: User | None) -> None:
        if user is not None and user.kind is Kind.USER:
            values = [(name, tags.get(name)) for name in names]
            owners.update({name: (user, value) for name, value in values if self._names(value, user)})
        if owners:
            self._bound[id(tags)] = owners
            drop_oldest(self._bound, _LIMIT)
        else:
            self._bound.pop(id(tags), None)

    def _user(self) -> User | None:
        user = self._runtime.ambient.current()
        return user if user is not None and user.kind is Kind.USER else None

    def _names(self, value: Any, user: User) -> bool:
        text = plain_number(value) if type(value) is int else plain_text(value)
        return text is not None and len(text) <= _LONGEST and mentions(text, user.id, self._runtime.users.known)

    def _tell(self, user: User, owner: User, libraries: tuple[str, ...]) -> None:
        stack = beneath(capture(self._runtime.config.limits.stack), libraries)
        self._runtime.publish(ContextBled(LOGGED, _PLACE, user, owner, stack))
