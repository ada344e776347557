"""The judge of what leaves: another user's name has to have come in through the unit of work in which it leaves.

The table of decisions is :meth:`Judge._verdict`; ``docs/explanation/provenance.md`` tells it in words.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import script
from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.encodings import unwrapped
from isolation_audit.content.naming import has_key, records_naming
from isolation_audit.content.request_texts import text_of
from isolation_audit.instrument.inputs.background import background_of
from isolation_audit.model.inputs import BY_QUERY, CACHE, REPLY, STORE, Input, Inputs
from isolation_audit.model.owner_tags import drop_first
from isolation_audit.model.users import VISITOR, Kind, same
from isolation_audit.rules.provenance.asked_things import AskedThings
from isolation_audit.rules.provenance.code import constants, static_texts
from isolation_audit.rules.provenance.drivers import unwatched_drivers
from isolation_audit.rules.provenance.given_names import GivenNames
from isolation_audit.rules.provenance.last_readers import LastReaders
from isolation_audit.rules.provenance.openings import asked_for
from isolation_audit.rules.provenance.own_words import OwnWords
from isolation_audit.rules.provenance.state import is_held
from isolation_audit.rules.provenance.verdicts import ORDER, Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import CodeType

    from isolation_audit.content.witness import ContentWitness
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

_BLOCK: Final = 64
"""Inputs that are searched as one text, before it is asked which of them it was."""

_SEARCHED: Final = 4_000_000
"""Characters of the inputs of one unit that are searched for one exit."""

_THIRDS: Final = 2
"""In how many others' units somebody has to have been named to be known to all."""

_LISTED: Final = 2
"""Others for whom a unit asks in questions of their own, beside its own user: that is a list, and no leftover."""

_without_dashes: Final = pattern(r"(?<![0-9A-Za-z])[0-9a-fA-F]{32}(?![0-9A-Za-z])")
"""UUIDs without their dashes."""

_ON_PURPOSE: Final = frozenset({Verdict.BESIDE, Verdict.PUBLIC})
"""What says that a name may be meant for all; and does not, where it is the last reader's each time."""

_NAMED: Final = 10_000
"""Users and places of which it is remembered in whose units they were named."""


_Named = tuple[str, tuple[str, int] | None]
"""A user's id, and the place of what made an exit that named her; None for all of them."""


@dataclass(slots=True, eq=False, repr=False)
class Exit:
    """What is known of an exit beside its text.

    ``made_by`` is the code that made it. ``beside`` holds the ids of those whose names prove little by themselves: the
    reader's own stands there as well, or they are named in nothing but fields that say who made a record.
    """

    user: User
    made_by: CodeType | None = None
    beside: frozenset[str] = frozenset()
    names_reader: bool = False
    """The reader's own name stands there."""
    page: bool = False
    """A page of HTML: those have their reader's name in their frame, and so it settles nothing."""
    text: str = ""
    """What leaves, or the beginning of it."""


@dataclass(slots=True, eq=False, repr=False)
class _Found:
    """Where a user was first named in a unit."""

    one: Input
    asked: bool
    """In the question, before any answer."""


class Judge:
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        if runtime.content is None:
            raise LookupError("no payload is watched")
        self._content: ContentWitness = runtime.content
        self._runtime = runtime
        self._background = runtime.part(background_of)
        self._static = runtime.part(static_texts)
        self._words = runtime.part(OwnWords)
        self._things = runtime.part(AskedThings)
        self._given = runtime.part(GivenNames)
        self._last_readers = LastReaders()
        self._named_for: dict[_Named, frozenset[str]] = {}
        """Whom other users' units have brought in: their id, and what answered -> the ids of two of those users."""

    def judge(self, inputs: Inputs, others: Sequence[User], exit_: Exit) -> list[Judgement]:
        """One judgement for each of ``others`` whom an exit names, the worst first."""
        search = _Search(self._content, inputs, {user.id for user in others}, self._words.read_for)
        looked_at, counts = search.kinds(), tuple(search.counted().items())
        # Ids that are kept in memory may be on a list for all; what is left of a reader is one beside one's own.
        is_list = search.lists_users(exit_.user) or (exit_.names_reader and len(others) >= _LISTED)
        made = []
        for other in others:
            verdict, how = self._verdict(search, inputs, other, exit_, is_list=is_list)
            if verdict in _ON_PURPOSE and self._is_the_last_one(inputs, exit_, len(others), other):
                verdict = Verdict.BEFORE
            made.append(Judgement(verdict, other, how, looked_at, counts))
        return sorted(made, key=lambda one: ORDER.index(one.verdict), reverse=True)

    def _is_the_last_one(self, inputs: Inputs, exit_: Exit, others: int, other: User) -> bool:
        view = _place(exit_.made_by)
        if view is None or not exit_.names_reader:
            return False
        return self._last_readers.name(view, inputs, exit_.user, others, other)

    def _verdict(
        self, search: _Search, inputs: Inputs, other: User, exit_: Exit, *, is_list: bool
    ) -> tuple[Verdict, str]:
        found = search.first(other, exit_.user)
        if found is not None and not found.asked:
            if found.one.contested:
                return Verdict.MISDIRECTED, ""
            if found.one.kind not in BY_QUERY:
                return Verdict.EXPLAINED, found.one.kind
            self._note((other.id, _place(exit_.made_by)), exit_.user)
            self._note((other.id, None), exit_.user)
            return Verdict.QUERIED, found.one.kind
        if self._in(constants(exit_.made_by), other):
            return Verdict.CODE, ""
        if found is None and (public := self._public(other, exit_)):
            return Verdict.PUBLIC, public
        if found is not None and is_list:
            return Verdict.QUERIED, found.one.kind
        if found is None and (shared := self._by_earlier_requests(inputs, other, exit_)) is not None:
            return shared
        return self._unexplained(search, inputs, other, exit_, laundered=found is not None)

    def _by_earlier_requests(self, inputs: Inputs, other: User, exit_: Exit) -> tuple[Verdict, str] | None:
        if self._words.has_addressed(other, exit_.user, exit_.text):
            return Verdict.EXPLAINED, "what one of the two has addressed to the other"
        if other.id in exit_.beside and not exit_.page:
            return Verdict.BESIDE, ""
        roster = self._words.lists_names(exit_.text)
        asks = (
            self._things.asks_for(inputs, other, exit_.made_by, exit_.user, page=exit_.page, roster=roster)
            or self._is_asked_for(inputs, other, exit_)
            or self._given.asks_for(inputs, other, exit_.user)
            or self._is_listed(other, exit_)
        )
        return (Verdict.ASKED, "") if asks else None

    def _is_listed(self, other: User, exit_: Exit) -> bool:
        """True where it lists things, and tells of those to which ``other`` has written that it was them."""
        records = [] if exit_.page else records_naming(exit_.text, other.id)
        return bool(records) and all(self._things.has_written(other, names) for names in records)

    def _is_asked_for(self, inputs: Inputs, other: User, exit_: Exit) -> bool:
        """True where a record that names somebody has the very number by which the request asks for it.

        A word in the path, as ``plan``, may be asked for by everybody, each for an own one.
        """
        keys = {key for key in asked_for(inputs) if any(map(str.isdigit, key))} - {exit_.user.id}
        return bool(keys) and has_key(exit_.text, other.id, keys)

    def _unexplained(
        self, search: _Search, inputs: Inputs, other: User, exit_: Exit, *, laundered: bool
    ) -> tuple[Verdict, str]:
        beside = other.id in exit_.beside
        if self._in([one.texts(one.value) for one in self._background.since(inputs.began)], other):
            return Verdict.HANDED, ""
        missing = [*search.missing, *search.stores(other), *unwatched_drivers()]
        if missing:
            return Verdict.INCOMPLETE, ", ".join(missing)
        if (beside or not _in_main(exit_.made_by)) and self._in(self._static.all(), other):
            return (Verdict.CODE if beside else self._written(other)), ""
        if laundered:
            return Verdict.LAUNDERED, ""
        if beside:
            return Verdict.FRAMED, ""
        if exit_.user is VISITOR:
            return Verdict.OPEN, ""
        if search.was_filled_by(other):
            return Verdict.READ, ""
        return (Verdict.SHARED if self._thirds((other.id, None), exit_.user) else Verdict.MEMORY), ""

    def _written(self, other: User) -> Verdict:
        """Of a name that the application is written with: what else its modules hold may have it from a user."""

        def names(texts: Iterable[str]) -> bool:
            return self._in(list(texts), other)

        held = is_held(lambda file: self._static.globals_with(file, names), names)
        return Verdict.WRITTEN if held else Verdict.LISTED

    def _public(self, other: User, exit_: Exit) -> str:
        if self._in([one.texts(one.value) for one in self._background.at_start], other):
            return "at start-up"
        # What the same view reads for others, it may keep for all. What other views read says nothing of this one:
        # in a forum everybody's name is read for everybody.
        here = self._thirds((other.id, _place(exit_.made_by)), exit_.user)
        return "here it was read for several other users, too" if here else ""

    def _thirds(self, named: _Named, reader: User) -> bool:
        return len(self._named_for.get(named, frozenset()) - {named[0], reader.id}) >= _THIRDS

    def _note(self, named: _Named, reader: User) -> None:
        known = self._named_for.get(named, frozenset())
        if reader.id not in known and len(known) <= _THIRDS:
            if len(self._named_for) >= _NAMED:
                drop_first(self._named_for)
            self._named_for[named] = known | {reader.id}

    def _in(self, texts: Any, other: User) -> bool:
        text, _whole = text_of(texts) if texts else ("", True)
        return bool(text) and any(same(mark.user, other) for mark in self._content.marks_of_text(text)[0])


def _place(code: CodeType | None) -> tuple[str, int] | None:
    return None if code is None else (code.co_filename, code.co_firstlineno)


def _dashed(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _in_main(code: CodeType | None) -> bool:
    """A script that serves and asks in one file has the names of those who ask in it, too."""
    return code is None or code.co_filename == script()


class _Search:
    """The inputs of one unit, searched for some users."""

    def __init__(
        self,
        content: ContentWitness,
        inputs: Inputs,
        wanted: set[str],
        read_for: Callable[[str, User], bool],
    ) -> None:
        self._content = content
        self._read_for = read_for
        self._inputs = inputs
        self._entries = list(inputs.kept)
        self._wanted = wanted
        self._left = _SEARCHED
        self.missing: list[str] = ["what was more than is kept"] if inputs.dropped else []
        self._hits: dict[str, list[_Found]] = {}
        self._asked_alone: set[str] = set()
        """Whom a question has named, and nobody else."""
        for start in range(0, len(self._entries), _BLOCK):
            self._block(self._entries[start : start + _BLOCK])

    def counted(self) -> Counter[str]:
        """How many inputs of each kind there were."""
        return Counter(one.kind for one in self._entries)

    def kinds(self) -> str:
        """The same in words."""
        return ", ".join(f"{kind} ({times})" if times > 1 else kind for kind, times in self.counted().items())

    def first(self, other: User, reader: User) -> _Found | None:
        """Where ``other`` was first named in something that counts as an input of the reader's unit."""
        for found in self._hits.get(other.id, ()):
            # A cache gives everybody what was put into it: what her own unit has put there is the leak itself.
            if found.one.kind == CACHE and found.one.stored_by == other.id != reader.id:
                continue
            if found.one.kind == STORE:
                continue  # everybody is in it: what of it was read is not known
            if other.id != reader.id and self._is_filled(found, other):
                continue
            return found
        return None

    def was_filled_by(self, other: User) -> bool:
        """True where the name stands in an entry that the other's own work has filled."""
        return any(self._is_filled(found, other) for found in self._hits.get(other.id, ()))

    def _is_filled(self, found: _Found, other: User) -> bool:
        """True for an entry of Redis that the other's own work has filled with what was read for that user alone."""
        one = found.one
        if found.asked or one.kind != REPLY or one.stored_by != other.id:
            return False
        return self._read_for(text_of(one.texts(one.value))[0], other)

    def lists_users(self, reader: User) -> bool:
        """True where it has asked for one user after the other."""
        return len(self._asked_alone - {reader.id}) >= (_LISTED if reader.id in self._asked_alone else _LISTED + 1)

    def stores(self, other: User) -> list[str]:
        """What a library has opened for itself and has this user in it, among all others."""
        return [STORE] if any(found.one.kind == STORE for found in self._hits.get(other.id, ())) else []

    def _block(self, entries: list[Input]) -> None:
        made = [(one, self._text(one, asked=True), self._text(one, asked=False)) for one in entries]
        whole = "\0".join(text for _one, *texts in made for text in texts if text)
        if not self._named(whole):
            return
        for one, question, answer in made:
            asked = self._named(question) if question else set()
            if len(asked) == 1:
                self._asked_alone |= asked
            for user_id in asked:
                self._hits.setdefault(user_id, []).append(_Found(one, asked=True))
            for user_id in (self._named(answer) if answer else set()) - asked:
                self._hits.setdefault(user_id, []).append(_Found(one, asked=False))

    def _text(self, one: Input, *, asked: bool) -> str:
        if asked and one.question is None:
            return ""
        text, whole = text_of(one.asked(one.question) if asked else one.texts(one.value))
        if not whole or self._left < 0:
            self._miss("inputs that are too large to be searched")
        self._left -= len(text)
        return text if self._left >= 0 else ""

    def _named(self, text: str) -> set[str]:
        found = self._marked(text)
        if self._wanted - found:
            found |= self._marked("\0".join(unwrapped(text)))
        return found

    def _marked(self, text: str) -> set[str]:
        marks = self._content.marks_of_text(text)[0] if text else []
        found = {mark.user.id for mark in marks if mark.user.kind is Kind.USER}
        if text and self._wanted - found:
            # Databases without a type for them keep UUIDs as 32 hexadecimal digits, also those beside a user's name.
            dashed = "\0".join({_dashed(digits) for digits in _without_dashes.findall(text)})
            marks = self._content.marks_of_text(dashed)[0] if dashed else []
            found |= {mark.user.id for mark in marks if mark.user.kind is Kind.USER}
        return found

    def _miss(self, what: str) -> None:
        if what not in self.missing:
            self.missing.append(what)
