"""What the application keeps under users' names: ``ACCOUNTS["alice"]`` is alice's, whether or not it names her.

Looked up in what the globals of the application's modules lead to, where a mapping has an entry for each of several
known users. Nothing of the application runs for it, and nothing is kept of what is found but hashes: whose each number,
address or phrase is that stands in one user's entries and in no other's.
"""

from __future__ import annotations

import sys
from collections import Counter
from time import monotonic, thread_time
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.instrument.heap.parts import fields
from isolation_audit.model.inputs import CACHE, Inputs
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.tables import first
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.provenance.code import constants
from isolation_audit.rules.provenance.gone_through import compared, goes_through
from isolation_audit.rules.provenance.made_public import is_for_staff, says_public
from isolation_audit.rules.provenance.own_rows import what_was_read
from isolation_audit.rules.provenance.state import application_modules, is_of_the_application
from isolation_audit.rules.provenance.verdicts import Judgement, Verdict
from isolation_audit.rules.state.atoms import atoms, longest_simple_word, simple_words
from isolation_audit.rules.state.contents import is_of_the_process, is_scalar, texts
from isolation_audit.rules.state.read_inputs import ReadInputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, ModuleType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

_OBJECTS: Final = 5_000
"""Objects that are looked at for one look."""

_DEPTH: Final = 4
_ITEMS: Final = 1_000
"""Entries of one mapping that are looked at."""

_USERS: Final = 2
"""Known users who have an entry in a mapping that is one of users."""

_SHARE: Final = 200
"""So many times as long as a look has taken, the next one waits: it costs half a percent of the time at most."""

_NEW: Final = 10
"""The same after a new user has come; not at all where the look takes no longer than:"""

_SHORT: Final = 0.002

_AT_WORK: Final = 60.0

_LONGEST: Final = 16 * 1024
"""Characters of an exit that are looked at."""

_NO_WAY: Final = 0
_MAPPING: Final = 1
_ROWS: Final = 2
_FIELDS: Final = 3

_has_digit: Final = pattern(r"\d")


class OwnRecords:
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        self._known: Callable[[str], User | None] = runtime.users.known
        self._count: Callable[[], int] = runtime.users.count
        self._content = runtime.content
        self._owners: dict[int, User] = {}
        self._rows: dict[int, User] = {}
        """The same of records in lists: those are everybody's to read, but where a view selects them by their owner."""
        self._named_in: dict[int, str] = {}
        """The field of such a record in which its owner is named."""
        self._compared: dict[CodeType, frozenset[str]] = {}
        """By which fields the code of a view selects."""
        self._anchors: tuple[dict[int, User], frozenset[int]] = (self._owners, frozenset())
        """Of which owners, and one word of each of their atoms: where a text has none of them, it has no such atom."""
        self._tables: dict[int, str] = {}
        """What the code calls the mapping in which each was found: a global, or an object's attribute."""
        self._loaded = 0
        self._modules: list[ModuleType] = []
        self._users_then = -1
        """So many users the latest look knew."""
        self._again = self._soon = 0.0
        """When to look again, and when to do so for users who have become known since."""

    def of_another(
        self, text: str, user: User, inputs: Inputs, made_by: CodeType | None
    ) -> tuple[Judgement, Callable[[str], bool]] | None:
        """Of an exit for ``user`` that has something of another's entry, and nothing of the user's own.

        With what finds it in a part of the text. None where the unit's inputs have it, or name that user: then it was
        asked for.
        """
        found = self._theirs(text, user)
        if found:
            other = self._owners[next(iter(found))]
            tables = {self._tables[key] for key in found if key in self._tables}
            if any(goes_through(made_by, table) for table in tables):
                return None
        else:
            found = self._selected(text, user, made_by)
            if not found:
                return None
            other = self._rows[next(iter(found))]
        return self._judged(found, other, text, user, inputs, made_by)

    def _selected(self, text: str, user: User, made_by: CodeType | None) -> dict[int, str]:
        """The atoms of one other user's records in a text, where the view selects records by their owner's field."""
        fields_compared = self._compares(made_by) if self._rows else frozenset[str]()
        if fields_compared.isdisjoint(self._named_in.values()):
            return {}
        found = _of_one(self._atoms_of_somebody(text), self._rows, user)
        return found if any(self._named_in.get(key) in fields_compared for key in found) else {}

    def _compares(self, made_by: CodeType | None) -> frozenset[str]:
        if made_by is None:
            return frozenset()
        known = self._compared.get(made_by)
        if known is None:
            known = self._compared[made_by] = frozenset() if is_for_staff(made_by) else compared(made_by)
            drop_oldest(self._compared, _ITEMS)
        return known

    def _judged(
        self, found: dict[int, str], other: User, text: str, user: User, inputs: Inputs, made_by: CodeType | None
    ) -> tuple[Judgement, Callable[[str], bool]] | None:
        if inputs.dropped or self._names(text, other):
            return None
        kinds = ", ".join(dict.fromkeys(one.kind for one in inputs.kept))
        inputs = _without_entries_of(inputs, other)
        asked = ReadInputs(inputs, user, self._content)
        numbers = () if made_by is None else [str(one) for one in made_by.co_consts if type(one) is int]
        written = "\0".join([*constants(made_by), *numbers]).casefold()
        if asked.holds(other.id.casefold()) or other.id.casefold() in written:
            return None
        if any(asked.holds(atom) or atom in written for atom in found.values()):
            return None
        read = what_was_read(inputs).casefold()
        if any(atom in read for atom in found.values()):
            return None
        return Judgement(Verdict.KEPT, other, "", kinds), lambda part: not found.keys().isdisjoint(atoms(part))

    def lists_all(self, text: str, owner: User, made_by: CodeType | None) -> bool:
        """True where a text has something of ``owner``'s entry in a mapping of users that the view goes through."""
        owners = self._look()
        held = atoms(text[:_LONGEST]) if owners else {}
        own = [key for key in held if (known := owners.get(key)) is not None and same(known, owner)]
        return any(goes_through(made_by, table) for table in {self._tables[key] for key in own if key in self._tables})

    def any(self) -> bool:
        """True where anything stands under several users' names."""
        count, now = self._count, monotonic()
        known = count()
        # As _look() begins, which is not called where there is nothing to look for: this is asked at each exit.
        due = known >= _USERS and (now >= self._again or (known != self._users_then and now >= self._soon))
        return bool((self._look() if due else self._owners) or self._named_in)

    def has_any(self, text: str, user: User) -> bool:
        """True where it is worth to ask :meth:`of_another`; :meth:`any` was asked before."""
        held = self._atoms_of_somebody(text)
        return bool(held) and (bool(_of_one(held, self._owners, user)) or not held.keys().isdisjoint(self._named_in))

    def _theirs(self, text: str, user: User) -> dict[int, str]:
        """The atoms of one other user's entries in a text; none where it has the user's own, or several others'."""
        return _of_one(self._atoms_of_somebody(text), self._owners, user)

    def _atoms_of_somebody(self, text: str) -> dict[int, str]:
        """The atoms of a text, if one of them may be known."""
        of_these, anchors = self._anchors
        words = simple_words(text[:_LONGEST])
        if of_these is self._owners and words is not None and anchors.isdisjoint(map(hash, words)):
            return {}  # as nearly always
        return atoms(text[:_LONGEST])

    def owner_of(self, atom: int) -> User | None:
        """Whose the atom of this hash is, by the latest look; also by rows that name their owner."""
        return self._look().get(atom) or self._rows.get(atom)

    def table_of(self, atom: str) -> str | None:
        """What the code calls the mapping that has it, by the latest look."""
        return self._tables.get(hash(atom))

    def _names(self, text: str, user: User) -> bool:
        marks = [] if self._content is None else self._content.marks_of_text(text)[0]
        return any(same(mark.user, user) for mark in marks)

    def _look(self) -> dict[int, User]:
        count = self._count
        known = count()
        if known < _USERS:
            return self._owners
        # By the users alone: what is bound to them, as the id of each run, comes too often.
        now = monotonic()
        if now >= self._again or (known != self._users_then and now >= self._soon):
            self._again = self._soon = now + _AT_WORK  # nobody else meanwhile
            self._users_then = known
            # What the monitor of contexts counts are the application's calls. The application's own profiler stays: it
            # must not miss anything, and one that is written in C can't be set again.
            profile: Any = sys.getprofile()
            ours = getattr(type(profile), "hears_of_calls", False)
            if ours:
                sys.setprofile(None)
            try:
                took = self._look_anew()
            finally:
                if ours:
                    sys.setprofile(profile)
            self._again, self._soon = now + _SHARE * took, now if took < _SHORT else now + _NEW * took
        return self._owners

    def _look_anew(self) -> float:
        """Find out whose everything is; gives the processor's time that it took, but for finding the modules."""
        if len(sys.modules) != self._loaded:
            self._loaded = len(sys.modules)
            self._modules = application_modules()
        began = thread_time()
        owners, self._rows, self._tables, anchors = self._found()
        self._owners, self._anchors = owners, (owners, anchors)
        return thread_time() - began

    def _found(self) -> tuple[dict[int, User], dict[int, User], dict[int, str], frozenset[int]]:
        tables: dict[bool, dict[int, User | None]] = {True: {}, False: {}}
        called: dict[int, str] = {}
        anchors: dict[int, int] = {}
        named_in: dict[int, str] = {}
        for user, entry, table, field in self._entries():
            owners = tables[table is not None]
            if user is None:
                owners.update(dict.fromkeys(atoms("\0".join(texts(entry)))))
                continue
            for key, atom in atoms("\0".join(texts(entry))).items():
                if table is not None:
                    called[key] = table
                elif field and _has_digit.search(atom):  # their words are in too many texts
                    named_in[key] = field
                if table is not None or key in named_in:
                    anchors[key] = hash(longest_simple_word(atom))
                known = owners.setdefault(key, user)
                if known is not None and not same(known, user):
                    owners[key] = None  # several users have it: a price, a plan
        entries, rows = (
            {key: user for key, user in tables[under_name].items() if user is not None} for under_name in (True, False)
        )
        self._named_in = {key: field for key, field in named_in.items() if key in rows}
        return entries, rows, called, frozenset(anchors[key] for key in (*entries, *self._named_in))

    def _entries(self) -> Iterator[tuple[User | None, Any, str | None, str]]:
        """Users, what stands under their names, and what that mapping is called.

        None for records of a list: there the field comes last that names the user. Without a user what is counted: how
        often something was bought or asked for is told to everybody.
        """
        waiting = [(name, value, 0) for module in self._modules for name, value in list(vars(module).items())]
        seen: set[int] = set()
        held: list[Any] = []
        ways: dict[int, int] = {}
        for name, value, depth in waiting:
            kind = type(value)
            way = ways.get(id(kind))
            if way is None:
                way = ways[id(kind)] = _way_into(value, kind)
                held.append(kind)  # its id is its own as long as it lives, and so is that of what is held below
            if way == _NO_WAY or id(value) in seen or len(seen) >= _OBJECTS:
                continue
            seen.add(id(value))
            held.append(value)
            if way == _MAPPING:
                pairs = first(dict.items(value), _ITEMS)
                own = [(user, one) for key, one in pairs if (user := self._user(key)) is not None]
                if len({user.id for user, _one in own}) >= _USERS:
                    yield from ((user, one, name, "") for user, one in own)
                    continue
                if issubclass(kind, Counter):
                    yield None, [key for key, _number in pairs], name, ""
                inside = [(name, one) for _key, one in pairs]
            elif way == _ROWS:
                yield from self._records(first(value, _ITEMS))
                continue
            else:
                inside = list(fields(value).items())
            if depth < _DEPTH:
                waiting += [(called, one, depth + 1) for called, one in inside]

    def _records(self, rows: list[Any]) -> Iterator[tuple[User, Any, None, str]]:
        """Records of several users, of which each names one, and does not say that it is for all."""
        own = []
        for row in rows:
            held = _fields_of(row)
            named = {user.id: (user, name) for name, one in held if (user := self._user(one)) is not None}
            if len(named) == 1:
                user, field = next(iter(named.values()))
                own.append((user, row, None, "" if any(says_public(*one) for one in held) else field))
        if len({user.id for user, *_rest in own}) >= _USERS:
            yield from own

    def _user(self, key: object) -> User | None:
        user = self._known(key) if type(key) is str else None
        return user if user is not None and user.kind is Kind.USER else None


def _way_into(value: Any, kind: type) -> int:
    """How to look into values of a class: asked once for each class in a look, as values are many, and classes few."""
    if is_scalar(value) or is_of_the_process(value):
        return _NO_WAY
    if issubclass(kind, dict):
        return _MAPPING
    if kind is list or kind is tuple:
        return _ROWS
    return _FIELDS if is_of_the_application(kind) else _NO_WAY


def _without_entries_of(inputs: Inputs, other: User) -> Inputs:
    """Inputs without the entries of caches that somebody's own work has stored: they are what is asked about."""
    return Inputs(one for one in inputs.kept if one.kind != CACHE or one.stored_by != other.id)


def _of_one(held: dict[int, str], owners: dict[int, User], user: User) -> dict[int, str]:
    """Those of the atoms that are somebody's; none where they are the user's own, or several others'."""
    found = {key: atom for key, atom in held.items() if key in owners}
    whose = {owners[key].id: owners[key] for key in found}
    return found if len(whose) == 1 and not same(next(iter(whose.values())), user) else {}


def _fields_of(row: Any) -> list[tuple[str, Any]]:
    if type(row) is dict:
        return [(name, one) for name, one in row.items() if type(name) is str]
    if type(row) is tuple or type(row) is list:
        return [("", one) for one in row]
    return list(fields(row).items()) if is_of_the_application(type(row)) else []
