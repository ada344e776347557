"""What was read for one user: rows, replies and answers to a question that names nobody but the unit's own user.

``SELECT amount FROM accounts WHERE owner = 'alice'`` gives what is alice's, whether or not it names her. Where it is
kept for the next who asks, bob is given her balance. Phrases are kept with the words of users; here are the numbers.
"""

from __future__ import annotations

from decimal import Decimal
from time import thread_time
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.people import names_in_row
from isolation_audit.content.questions import persons_asked_for
from isolation_audit.content.request_texts import text_of
from isolation_audit.instrument.inputs.background import background_of
from isolation_audit.model.inputs import ANSWER, BY_QUERY, FILE, REQUEST, ROWS, Inputs
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.provenance.asked_by_token import AskedByToken
from isolation_audit.rules.provenance.code import constants, static_texts
from isolation_audit.rules.provenance.drivers import unwatched_drivers
from isolation_audit.rules.provenance.marked import may_be_marked
from isolation_audit.rules.provenance.read_before import ReadBefore
from isolation_audit.rules.provenance.verdicts import Judgement, Verdict
from isolation_audit.rules.state.contents import texts
from isolation_audit.rules.state.read_inputs import ReadInputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import CodeType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Input
    from isolation_audit.model.users import User

_NUMBERS: Final = 20_000
"""Numbers that are remembered."""

_VALUES: Final = 1_000
"""Values of what was read at once that are looked at."""

_READ: Final = 50_000
"""The same where an exit is suspicious."""

_LONGEST: Final = 16 * 1024
"""Characters of an exit that are looked at, and of what was read at once."""

_DIGITS: Final = 5
_MOST_DIGITS: Final = 20
_ROUND: Final = 2
"""Digits before the zeros of a round number."""

_ROWS: Final = frozenset(map(id, (tuple, list)))
_COLUMNS: Final = 64
"""Columns of the widest rows that are added up, and what is added up:"""
_ADDED: Final = ({int}, {float}, {int, float}, {Decimal})
_PLACES: Final = 6
"""Decimals of a sum that are no more than what a float leaves behind."""

_TEXTS: Final = 32
"""Texts of one unit of which the phrases are kept."""

_AT_ONCE: Final = 0.5
"""Seconds of the processor's time that may be spent with reading."""

_long_numbers: Final = pattern(r"[0-9][0-9.,]{3,}[0-9]")
_part_of_more: Final = frozenset("_:/-")
"""Signs beside a number that is a part of a name, a date, a time or an address."""

_time: Final = pattern(r"1[5-9]\d{8}(?:\d{3})?(?:\.\d+)?")
"""Seconds or milliseconds since 1970: those of this time."""


class OwnRows:
    """One audit's; holds hashes of numbers, and whose they are."""

    def __init__(self, runtime: Runtime) -> None:
        self._content = runtime.content
        self._others = runtime.names
        self._background = runtime.part(background_of)
        self._static = runtime.part(static_texts)
        self._owners: dict[int, User | None] = {}
        """None: several users have read it, or it came to others by a query."""
        self.any: Callable[[], int] = self._owners.__len__
        """Whether anything was read for one user alone: asked at each exit, so no call of ours."""
        self._everybodys: dict[int, None] = {}
        """Numbers that were read with a question that names nobody."""
        self._before = ReadBefore()
        self._by_token = AskedByToken(runtime.content)
        self._spent = 0.0
        self.over = False
        """True once reading has taken its time."""

    def learn(
        self,
        inputs: Sequence[Input],
        user: User,
        keep: Callable[[str], None],
        public: Callable[[str], None],
        strange: list[Input],
    ) -> bool:
        """Remember the numbers of what was read for ``user``; each of the longer texts in it is for ``keep``.

        What was read with a question that names nobody, a list of prices say, is for all: its numbers belong to nobody,
        and its longer texts are for ``public``. What was asked for with the name of one other goes into ``strange``.
        False once that has taken its time: then nothing is known any more, as what all may read would be passed by.
        """
        asked = [one for one in inputs if one.kind in BY_QUERY and one.kind != FILE and one.question is not None]
        if not asked or self._content is None or user.kind is not Kind.USER:
            return True
        anew = self._before.new(asked, user)
        if not anew:
            return True
        began = thread_time()
        own, everybodys = self._told_apart(anew, user, strange)
        self._keep(numbers("\0".join(own)[:_LONGEST]), user, numbers("\0".join(everybodys)[:_LONGEST]))
        for text in everybodys:
            if " " in text or may_be_marked(text):
                public(text)
        for text in [text for text in own if " " in text or may_be_marked(text)][:_TEXTS]:
            keep(text)
        self._spent += thread_time() - began
        if self._spent > _AT_ONCE:
            self.over = True
            self._owners.clear()
            self._everybodys.clear()
        return not self.over

    def forgets(self) -> None:
        """Something that was learned was dropped: what is read again is learned again."""
        self._before.forget()

    def _told_apart(
        self, asked: Sequence[tuple[Input, int | None]], user: User, strange: list[Input]
    ) -> tuple[list[str], list[str]]:
        """The texts that were read with a question about ``user`` alone, and those with a question about nobody."""
        own: list[str] = []
        everybodys: list[str] = []
        for one, reading in asked:
            if one.stored_by is not None:
                continue  # an entry of a cache tells of nobody by its key
            other_names = names_in_row(one, user.id) if one.kind == ROWS and user.login else None
            if other_names is not None:
                self._others.learn(other_names, user)
            named = self.named_by(one)
            if named.keys() <= {user.id}:
                self._before.add(reading)
                rows = one.texts(one.value)
                mine = named or self._by_token.is_for(one, user)
                (own if mine else everybodys).extend([*sums(rows), *texts(rows, _VALUES)])
            elif len(named) == 1:
                strange.append(one)
        return own, everybodys

    def has_any(self, text: str, user: User) -> bool:
        """True where it is worth to ask :meth:`of_another`."""
        return bool(self._known_in(text)) and self._owner_in(text, user) is not None

    def _known_in(self, text: str) -> dict[int, User | None]:
        """Whose the numbers of an exit are, as far as they are remembered: asked of each exit."""
        owners, text = self._owners, text[:_LONGEST]
        found = {}
        for match in _long_numbers.finditer(text):
            key = hash(match[0])
            if key in owners and _stands_alone(text, match.start(), match.end()):
                found[key] = owners.get(key)
        return found

    def lists_readers(self, text: str, user: User, inputs: Inputs) -> bool:
        """True where a text has numbers that were read for ``user``, and not by this very unit."""
        own = self.of(text, user)
        return bool(own) and not _are_in(own, inputs)

    def of(self, text: str, user: User) -> list[str]:
        """The numbers of a text that were read for ``user``."""
        own = [key for key, one in self._known_in(text).items() if one is not None and same(one, user)]
        held = numbers(text[:_LONGEST]) if own else {}
        return [held[key] for key in own if key in held]

    def of_another(
        self, text: str, user: User, inputs: Inputs, made_by: CodeType | None
    ) -> tuple[Judgement, Callable[[str], bool]] | None:
        """Of an exit for ``user`` that has numbers of one other's, and nothing of the user's own.

        With what finds them in a part of the text. None where the unit's inputs have them, or name that user.
        """
        other = self._owner_in(text, user)
        if other is None or inputs.dropped or unwatched_drivers() or self._names(text, other):
            return None
        if self.lists_readers(text, user, inputs):
            self._owners.update(dict.fromkeys(self._known_in(text)))  # what is on such a list is shown to everybody
            return None
        found = {
            key: number
            for key, number in numbers(text[:_LONGEST]).items()
            if (owner := self._owners.get(key)) is not None and same(owner, other)
        }
        inputs = _but_entries_of(other, inputs)
        asked, read = ReadInputs(inputs, user, self._content), what_was_read(inputs)
        came_in = [key for key, number in found.items() if asked.holds(number) or _stands_in(number, read)]
        self._owners.update(dict.fromkeys(came_in))  # whoever may ask for it may have it
        if came_in or asked.holds(other.id.casefold()) or self._is_nobodys(found.values(), other, made_by):
            return None
        kinds = ", ".join(dict.fromkeys(one.kind for one in inputs.kept))
        return Judgement(Verdict.READ, other, "", kinds), lambda part: not found.keys().isdisjoint(numbers(part))

    def _is_nobodys(self, found: Iterable[str], other: User, made_by: CodeType | None) -> bool:
        """True where the code or the data of the application's modules has them, or what no unit of work has read."""
        written = {*constants(made_by), *(str(one) for one in (() if made_by is None else made_by.co_consts))}
        if other.id in written or not written.isdisjoint(found):
            return True
        read = (*self._background.at_start, *self._background.since(0.0))
        known = "\0".join(
            [*(text for one in read for text in texts(one.texts(one.value), _VALUES)), self._static.all()]
        )
        return any(number in known for number in found)

    def _owner_in(self, text: str, user: User) -> User | None:
        """Whose numbers a text has; None for the user's own, for several users', and for none."""
        found = {key: one for key, one in self._known_in(text).items() if one is not None}
        whose = {one.id: one for one in found.values() if not same(one, user)}
        if len(whose) > 1:
            self._owners.update(dict.fromkeys(found))  # a list of all: what is on it is shown to everybody
        return next(iter(whose.values())) if len(whose) == 1 else None

    def named_by(self, one: Input) -> dict[str, User]:
        """Whom the question names to which something is the answer."""
        question = one.asked(one.question)
        # The headers of a request have their user's token, whatever it asks for.
        text = text_of(question[:1] if one.kind == ANSWER and type(question) is list else question)[0]
        marks = self._content.marks_of_text(text[:_LONGEST])[0] if text and self._content is not None else []
        named = {mark.user.id: mark.user for mark in marks if mark.user.kind is Kind.USER}
        if not named and one.kind == ROWS:
            for value in persons_asked_for(one):
                user = self._others.of(str(value)) if type(value) is int or type(value) is str else None
                if user is not None and user.login and user.kind is Kind.USER:
                    named[user.id] = user
        return named

    def _names(self, text: str, other: User) -> bool:
        marks = [] if self._content is None else self._content.marks_of_text(text)[0]
        return any(same(mark.user, other) for mark in marks)

    def _keep(self, own: dict[int, str], user: User, everybodys: dict[int, str]) -> None:
        if not own and not everybodys:
            return  # as of most rows
        for key in _also_in_hundredths(everybodys):
            self._everybodys[key] = None
            if key in self._owners:
                self._owners[key] = None
        if max(len(self._everybodys), len(self._owners)) >= _NUMBERS:
            self.forgets()
        drop_oldest(self._everybodys, _NUMBERS)
        for key in _also_in_hundredths(own):
            if key not in self._everybodys:
                known = self._owners.setdefault(key, user)
                if known is not None and not same(known, user):
                    self._owners[key] = None
        drop_oldest(self._owners, _NUMBERS)


def _but_entries_of(other: User, inputs: Inputs) -> Inputs:
    """Without the entries of a cache that the other's own work has filled: they explain nothing of that user's."""
    left = [one for one in inputs.kept if one.stored_by is None or one.stored_by != other.id]
    if len(left) == len(inputs.kept):
        return inputs
    made = Inputs(left)
    made.began, made.user, made.strange = inputs.began, inputs.user, inputs.strange
    return made


def sums(rows: Any) -> list[str]:
    """Of rows the sum of each column of numbers: what the application adds up is its user's as well."""
    if type(rows) is not list or not 2 <= len(rows) <= _VALUES or id(type(rows[0])) not in _ROWS:
        return []
    width = len(rows[0])
    if width > _COLUMNS or any(id(type(row)) not in _ROWS or len(row) != width for row in rows):
        return []
    columns = [*zip(*rows, strict=True)]
    return [str(round(sum(column), _PLACES)) for column in columns if {*map(type, column)} in _ADDED]


def _also_in_hundredths(found: dict[int, str]) -> list[int]:
    """Numbers, and of whole ones what they are as money: it is kept in cents, and shown in euros."""
    keys = [*found]
    for number in found.values():
        if number.isdecimal():
            amount = int(number) / 100
            keys += [hash(one) for one in {repr(amount), f"{amount:.2f}", f"{amount:,.2f}"}]
    return keys


def _stands_in(number: str, read: str) -> bool:
    return number in read or number.replace(",", "").replace(".", "") in read


def _are_in(found: Iterable[str], inputs: Inputs) -> bool:
    read = what_was_read(inputs)
    return all(_stands_in(number, read) for number in found)


def what_was_read(inputs: Inputs) -> str:
    """The texts of all that a unit has read, with the fractions in it, which hold no names."""
    return "\0".join(text for one in inputs.kept if one.kind != REQUEST for text in texts(one.texts(one.value), _READ))


def numbers(text: str) -> dict[int, str]:
    """The numbers in a text that are no counts, no times and not round, by their hashes."""
    found = {}
    for match in _long_numbers.finditer(text):
        number = match[0]
        if _stands_alone(text, match.start(), match.end()) and _is_rare(number):
            found[hash(number)] = number
    return found


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 2) : start], text[end : end + 1]
    if after.isalnum() or after in _part_of_more or before[-1:].isalnum():
        return False
    # A colon is before each value of JSON, and in times.
    if before.endswith(":"):
        return not before[:-1].isdigit()
    return not before.endswith(("_", "/", "-", "."))


def _is_rare(number: str) -> bool:
    digits = len(number) - number.count(".") - number.count(",")
    return _DIGITS <= digits <= _MOST_DIGITS and len(number.rstrip("0.,")) > _ROUND and _time.fullmatch(number) is None
