"""With whom the application shares something: what is kept under the key of a group, or in a record that names both.

``FACTS[TEAM[user]]`` is the team's, and bob is in it as alice is. ``MAY_READ["alice"]`` has bob in it, so what lies
under "alice" is for him. A ticket that names her and him is both's. Looked up in what the globals of the application's
modules and the view's own variables lead to, when something is about to be reported. Nothing of the application runs.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from time import monotonic
from types import CellType, FunctionType, MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.heap.parts import fields
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.tables import first
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.provenance.state import application_modules, is_of_the_application
from isolation_audit.rules.state.contents import is_of_the_process, is_scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

_OBJECTS: Final = 5_000
"""Objects that are looked at for one question."""

_DEPTH: Final = 8
_ITEMS: Final = 1_000
"""Entries of one collection that are."""

_FIELDS: Final = 40
"""Fields of the largest record."""

_LONG: Final = 12
"""Characters of a key that nobody guesses: who has it was given it."""

_LONGEST: Final = 200

_AT_ONCE: Final = 1.0
"""Seconds that may be spent, and of all the time that has passed since this share:"""

_SHARE: Final = 0.005

_PLACES: Final = 2_000
"""Answers that are remembered."""

_SEQUENCES: Final = (list, tuple, set, frozenset, deque)
_PLAIN_SEQUENCES: Final = frozenset(map(id, _SEQUENCES))
_HOLDERS: Final = frozenset({"State", "SimpleNamespace"})
"""Classes of libraries that applications keep their own things in."""

_STATES: Final = ("state", "_state")
"""Where applications of frameworks keep such an object."""

_COMMON: Final = frozenset(
    {"currency", "kind", "lang", "language", "level", "locale", "model", "plan", "role", "status", "theme", "type"}
)
"""Fields in which many people have the same, without being a group."""

Key = str | int
Step = tuple[object, Any]
"""A key or the name of a field, None where there is none, and what is under it."""


class SharedWith:
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        self._known: Callable[[str], User | None] = runtime.users.known
        self._began, self._spent = monotonic(), 0.0
        self._answers: dict[object, bool] = {}

    def both(
        self,
        reader: User,
        owner: User,
        has_them: Callable[[str], bool],
        place: Hashable,
        brought: Iterable[str],
        *,
        view: Any = None,
        written: Iterable[str] = (),
    ) -> bool:
        """True where what ``has_them`` finds lies under a key of both, or in a record that names both.

        ``place`` is what reads it: where too much time was spent already, the latest answer there holds. ``brought``
        are the values that the reader's request has brought in. ``view`` is what answers, ``written`` are the texts
        that it is written with: such keys are places of their own.
        """
        began, asked = monotonic(), (place, reader.id, owner.id)
        if asked in self._answers and self._spent > _AT_ONCE + _SHARE * (began - self._began):
            return self._answers[asked]
        answer = self._answers[asked] = self._look(reader, owner, has_them, view, written, brought)
        self._spent += monotonic() - began
        drop_oldest(self._answers, _PLACES)
        return answer

    def _look(
        self,
        reader: User,
        owner: User,
        has_them: Callable[[str], bool],
        view: Any,
        written: Iterable[str],
        brought: Iterable[str],
    ) -> bool:
        inside = _Inside([view])
        links = {one for one in brought if _is_unguessable(one)}
        mine, theirs = self._relations(inside, reader, links), self._relations(inside, owner, frozenset())
        groups = {one for one in mine.pairs & theirs.pairs if one[0] not in _COMMON}
        keys = ((mine.keys & (theirs.keys | {owner.id})) | mine.links).difference(written)
        if not keys and not groups and not inside.names(lambda key: self._is(key, owner)):
            return False
        return self._lies_under(inside, reader, owner, keys, groups, has_them)

    def _relations(self, inside: _Inside, user: User, links: Iterable[str]) -> _Relations:
        found, given = _Relations(), frozenset(links)
        for steps, is_mapping in inside.collections():
            for key, value in steps if is_mapping else ():
                if self._is(key, user):
                    found.add(key, value, self._user)
                elif (type(key) is str or type(key) is int) and self._has(value, user):
                    found.keys.add(key)
                elif key in given:
                    found.links |= {one for _name, one in _scalars(key, value)}
            if len(steps) <= _FIELDS and any(key is not None and self._is(value, user) for key, value in steps):
                found.record(steps, self._user)
        return found

    def _lies_under(
        self,
        inside: _Inside,
        reader: User,
        owner: User,
        keys: set[Key],
        groups: set[tuple[str, Key]],
        has_them: Callable[[str], bool],
    ) -> bool:
        waiting = [(value, False) for value in inside.roots]
        seen: set[tuple[int, bool]] = set()
        for value, shared in waiting:
            if type(value) is str:
                if shared and has_them(value):
                    return True
                continue
            if shared and (type(value) is int or type(value) is float) and has_them(str(value)):
                return True
            if (id(value), shared) in seen or len(seen) > 2 * _OBJECTS:
                continue
            seen.add((id(value), shared))
            steps = inside.steps(value)
            of_both = shared or (inside.is_one_of_many(value) and self._is_record_of_both(steps, reader, owner, groups))
            opens = keys if issubclass(type(value), dict) else frozenset[Key]()  # the name of a field is no key
            waiting += [
                (one, of_both or ((type(key) is str or type(key) is int) and key in opens)) for key, one in steps
            ]
        return False

    def _is_record_of_both(self, steps: list[Step], reader: User, owner: User, groups: set[tuple[str, Key]]) -> bool:
        """True for a record with both names in its fields, or with what both have in a field of the same name."""
        if not steps or len(steps) > _FIELDS or any(self._user(key) is not None for key, _value in steps):
            return False
        if any(type(key) is not str for key, _value in steps):
            return False
        if any((type(value) is str or type(value) is int) and (key, value) in groups for key, value in steps):
            return True
        return all(
            any(self._is(value, one) or (type(value) is not dict and self._has(value, one)) for _key, value in steps)
            for one in (reader, owner)
        )

    def _has(self, value: Any, user: User) -> bool:
        """True for a small collection with this user's name in it."""
        kind = type(value)
        if (kind is not dict and id(kind) not in _PLAIN_SEQUENCES) or len(value) > _ITEMS:
            return False
        return any(self._is(one, user) for one in list(value))

    def _is(self, name: object, user: User) -> bool:
        known = self._user(name)
        return known is not None and same(known, user)

    def _user(self, name: object) -> User | None:
        user = self._known(name) if type(name) is str else None
        return user if user is not None and user.kind is Kind.USER else None


class _Relations:
    """The keys that stand for one user: of what has their name in it, or in what lies under their name."""

    def __init__(self) -> None:
        self.keys: set[Key] = set()
        self.links: set[Key] = set()
        self.pairs: set[tuple[str, Key]] = set()
        """What is in the user's records, with the names of the fields."""

    def add(self, name: object, value: Any, user_of: Callable[[object], User | None]) -> None:
        """What lies under the user's own name."""
        self._keep(_scalars(name, value), user_of)

    def record(self, steps: list[Step], user_of: Callable[[object], User | None]) -> None:
        """A record that names the user."""
        self._keep(((key, value) for key, value in steps if type(value) is str or type(value) is int), user_of)

    def _keep(self, scalars: Iterable[Step], user_of: Callable[[object], User | None]) -> None:
        for name, value in scalars:
            if user_of(value) is None and (type(value) is not str or len(value) <= _LONGEST):
                if name not in _COMMON:
                    self.keys.add(value)
                if type(name) is str:
                    self.pairs.add((name, value))


class _Inside:
    """What the application's modules lead to, each object once."""

    def __init__(self, more: Iterable[Any]) -> None:
        self.roots = [value for module in application_modules() for value in list(vars(module).values())] + list(more)
        self._steps: dict[int, list[Step]] = {}
        self._held: list[Any] = []
        self._elements: set[int] = set()
        waiting = [(value, 0) for value in self.roots]
        for value, depth in waiting:
            if depth > _DEPTH or len(self._held) >= _OBJECTS or is_scalar(value) or id(value) in self._steps:
                continue
            steps = list(_steps(value))
            if steps:
                self._steps[id(value)] = steps
                self._held.append(value)  # its id is its own as long as it lives
                if issubclass(type(value), (dict, *_SEQUENCES)):
                    self._elements.update(id(one) for _key, one in steps)
                waiting += [(one, depth + 1) for _key, one in steps]

    def steps(self, value: Any) -> list[Step]:
        """What an object leads to."""
        return self._steps.get(id(value), [])

    def is_one_of_many(self, value: Any) -> bool:
        """True for what lies in a collection: what does not is there once, for everybody."""
        return id(value) in self._elements

    def collections(self) -> Iterator[tuple[list[Step], bool]]:
        """The same of each, and whether it is a mapping: what its keys are is data, unlike the names of fields."""
        return ((self._steps[id(one)], issubclass(type(one), dict)) for one in self._held)

    def names(self, is_theirs: Callable[[object], bool]) -> bool:
        """True where a record has this name in it."""
        return any(is_theirs(value) for steps in self._steps.values() for _key, value in steps if type(value) is str)


def _steps(value: Any) -> Iterator[Step]:
    kind = type(value)
    if kind is FunctionType:
        yield from ((None, one) for one in (*(value.__closure__ or ()), *(value.__defaults__ or ())))
        yield None, value.__dict__.get("__wrapped__")
    elif kind is MethodType:
        yield None, value.__self__
    elif kind is CellType:
        try:
            yield None, value.cell_contents
        except ValueError:
            return  # empty
    elif issubclass(kind, dict):
        yield from first(dict.items(value), _ITEMS)
    elif id(kind) in _PLAIN_SEQUENCES:
        yield from ((None, one) for one in first(value, _ITEMS))
    elif is_of_the_process(value):
        return
    elif kind is SimpleNamespace or kind.__name__ in _HOLDERS or is_of_the_application(kind):
        yield from fields(value).items()
    else:
        held = fields(value)
        yield from ((name, held[name]) for name in _STATES if name in held)


def _scalars(name: object, value: Any) -> Iterator[Step]:
    """A text or a number, or those in a record or in a small collection."""
    if type(value) is str or type(value) is int:
        yield name, value
        return
    for key, one in [*islice(_steps(value), _FIELDS)] if not is_scalar(value) else ():
        if type(one) is str or type(one) is int:
            yield (name if key is None else key), one


def _is_unguessable(text: str) -> bool:
    """True for a token that was drawn at random: whoever comes with it was given it."""
    return len(text) >= _LONG and not text.isalpha() and not text.isdigit() and " " not in text and "/" not in text
