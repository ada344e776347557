"""The judge of words: what another user's request brought in must have come in through the unit in which it leaves.

Here nobody has to be named. Where somebody is, next to the words, the judge of names has the word.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.naming import parsed, says_whose
from isolation_audit.content.payload import Gathering
from isolation_audit.content.request_texts import all_brought, method_of, paths_asked, sent_body, text_of
from isolation_audit.instrument.inputs.background import background_of
from isolation_audit.model.inputs import BY_QUERY, CACHE, REPLY, REQUEST
from isolation_audit.model.users import same
from isolation_audit.rules.provenance.asked_things import READS, asked_by, is_answered_by
from isolation_audit.rules.provenance.brought_in import phrases_of, read
from isolation_audit.rules.provenance.code import constants, function_texts, static_texts
from isolation_audit.rules.provenance.drivers import unwatched_drivers
from isolation_audit.rules.provenance.given_names import GivenNames
from isolation_audit.rules.provenance.listings import listed_for_all
from isolation_audit.rules.provenance.openings import asked_for
from isolation_audit.rules.provenance.own_records import OwnRecords
from isolation_audit.rules.provenance.own_rows import OwnRows
from isolation_audit.rules.provenance.own_words import OwnWords
from isolation_audit.rules.provenance.phrases import unescaped
from isolation_audit.rules.provenance.standing import begun, holds
from isolation_audit.rules.provenance.verdicts import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Input, Inputs
    from isolation_audit.model.users import User
    from isolation_audit.rules.provenance.phrases import Phrase

_SEARCHED: Final = 1_000_000
"""Characters of the inputs of one unit that are searched for one exit."""

_TAKEN: Final = 4
"""Characters of the shortest text by which an item is known again in what it has become a part of."""

_DEPTH: Final = 16
_NODES: Final = 10_000


class WordsJudge:
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        self.words = runtime.part(OwnWords)
        self._content = runtime.content
        self._background = runtime.part(background_of)
        self._static = runtime.part(static_texts)
        self._functions = runtime.part(function_texts)
        self._records = runtime.part(OwnRecords)
        self._given = runtime.part(GivenNames)
        self._known = runtime.users.known
        self._rows = runtime.part(OwnRows)

    def judge(
        self, inputs: Inputs, text: str, user: User, made_by: CodeType | None
    ) -> tuple[Judgement, Callable[[str], bool]] | None:
        """What is to be said of others' words in a text, and what finds them in a part of it; None where all is well.

        Where there are none, an item may still be somebody else's that it has.
        """
        found = self._judge(inputs, text, user, made_by)
        return found if found is not None or not inputs.contested else self._taken(inputs, text, made_by)

    def _judge(
        self, inputs: Inputs, text: str, user: User, made_by: CodeType | None
    ) -> tuple[Judgement, Callable[[str], bool]] | None:
        phrases = self.words.of_others(text, user)
        if phrases:
            known = asked_for(inputs)
            # Whoever may read what is said in a room may tell of it.
            here = [one for one in phrases if not known.isdisjoint(one.said_in)]
            unasked = self._unasked(inputs, phrases, user, made_by)
            for one in phrases:
                if (one in here or one not in unasked) and one.user is not None:
                    told = self._is_told_of(text, one, one.user)
                    self.words.publish([one] if one in here and not told else [])
            phrases = [one for one in unasked if one not in here]
            listed = listed_for_all(text, phrases, inputs, made_by, self._is_user) if phrases else []
            listed = [one for one in listed if not one.key]
            self.words.publish(listed)
            phrases = [one for one in phrases if one not in listed]
        if not phrases:
            return None
        contested = self._came_in(inputs, phrases, partial(self.words.own, text, user))
        verdict = Verdict.MISDIRECTED if contested else Verdict.WORDS
        left = contested or ([] if inputs.dropped or unwatched_drivers() else self._nobodys(phrases, made_by))
        asked = "\0".join(paths_asked(inputs)) if left else ""
        left = [
            one
            for one in left
            if one.user is not None and not self._names(asked, one.user) and not self._is_told_of(text, one, one.user)
        ]
        readers = {one.user.id for one in left if one.read and one.user is not None}
        if verdict is Verdict.WORDS and readers and (len(readers) > 1 or self.words.lists_readers(text, user, inputs)):
            left = [one for one in left if not one.read]  # a list of all
        owner = left[0].user if left else None
        if owner is None or (verdict is Verdict.WORDS and self._is_list_of_all(text, left, owner, inputs, made_by)):
            return None
        left = [one for one in left if one.user is not None and same(one.user, owner)]
        return Judgement(verdict, owner, "", _kinds(inputs)), lambda part: bool(holds(part, left))

    def _unasked(self, inputs: Inputs, phrases: list[Phrase], user: User, made_by: CodeType | None) -> list[Phrase]:
        """Without those that were written to the very thing for which this unit asks by its name.

        And without a model's answers to what has been said in this unit as well.
        """
        questions = frozenset().union(*[phrase.asked_with for phrase in phrases])
        if questions:
            said = phrases_of(read(all_brought(inputs.kept, REQUEST))[0], user)
            phrases = [phrase for phrase in phrases if phrase.asked_with.isdisjoint(said)]
        if not any(phrase.about for phrase in phrases):
            return phrases
        asked, reads = asked_by(inputs) | self._given.asked(inputs, user), method_of(inputs) in READS
        return [
            phrase
            for phrase in phrases
            if asked.isdisjoint(phrase.about) or not (reads or not is_answered_by(phrase.written_by, made_by))
        ]

    def _taken(
        self, inputs: Inputs, text: str, made_by: CodeType | None
    ) -> tuple[Judgement, Callable[[str], bool]] | None:
        """Of an item that another user's work has made, and waits for itself."""
        known = [*constants(made_by), *("\0".join(_texts(one)) for one in inputs.kept if one.put_by is None)]
        whole = unescaped(text)
        for one in inputs.kept:
            if one.put_by is None or self._names(text, one.put_by):
                continue
            for held in Gathering(one.value).texts:
                if len(held) >= _TAKEN and _stands(held, whole) and not any(held in other for other in known):
                    return Judgement(Verdict.TAKEN, one.put_by, "", _kinds(inputs)), partial(_stands, held)
        return None

    def _came_in(self, inputs: Inputs, phrases: list[Phrase], own: Callable[[], list[Phrase]]) -> list[Phrase]:
        """Takes out what inputs explain, and gives what came from a queue at which its owner waits as well."""
        contested: list[Phrase] = []
        left = _SEARCHED
        asked: set[int] = set()
        for one in list(inputs.kept):
            question = "\0".join(_asked(one))
            text = text_of(one.texts(one.value))[0]
            left -= len(text) + len(question)
            # What this process asks with, and has not come in before, was in its memory: the answer explains nothing.
            waiting = [phrase for phrase in phrases if phrase.digest not in asked]
            asked |= holds(question[: max(0, left)], waiting) if waiting and question else set()
            came = holds(text[: max(0, left)], waiting) - asked if waiting else set()
            # Of what was read a part is enough: the same sentence is made of anybody's words ("asked: ...").
            partly = begun(text[: max(0, left)], [one for one in waiting if one.read]) - came
            came |= partly
            if one.kind == REPLY and one.stored_by is not None:
                came -= {each.digest for each in waiting if each.read and each.user and each.user.id == one.stored_by}
            explained = [phrase for phrase in phrases if phrase.digest in came]
            phrases[:] = [phrase for phrase in phrases if phrase.digest not in came]
            if one.contested:
                contested += explained
            elif one.kind != CACHE:
                # Whoever may ask for it may have it; where nobody was asked for, what the reader has said is in it.
                shown = [phrase for phrase in explained if phrase.digest not in partly]
                if shown and one.kind in BY_QUERY and not (one.question is not None and self._rows.named_by(one)):
                    mine = own()
                    there = holds(text, mine) if mine else set()
                    shown += [phrase for phrase in mine if phrase.digest in there]
                self.words.publish(shown)
        return contested

    def _nobodys(self, phrases: list[Phrase], made_by: CodeType | None) -> list[Phrase]:
        """Those that are in no code, and that no background work has read."""
        read = [text_of(one.texts(one.value))[0] for one in (*self._background.at_start, *self._background.since(0.0))]
        sources: tuple[Callable[[], list[str]], ...] = (
            lambda: read,
            lambda: constants(made_by),
            lambda: [self._static.all()],
        )
        for texts in sources:
            known = holds("\0".join(texts()), phrases) if phrases else set()
            self.words.publish(phrase for phrase in phrases if phrase.digest in known)
            phrases = [phrase for phrase in phrases if phrase.digest not in known]
        read_for = next((one.user for one in phrases if one.read and one.user is not None), None)
        if read_for is None:
            return phrases
        # "Your order was sent today", "{{ total }} is the total of your order": what is said to anybody.
        read_phrases = [one for one in phrases if one.read]
        known = holds(self._functions.without(read_for.id), read_phrases)
        known |= begun(self._static.templates(), read_phrases)
        self.words.publish(phrase for phrase in phrases if phrase.digest in known)
        return [phrase for phrase in phrases if phrase.digest not in known]

    def _is_list_of_all(
        self, text: str, left: list[Phrase], owner: User, inputs: Inputs, made_by: CodeType | None
    ) -> bool:
        """True where the view goes through a mapping of users that has it, for one who has asked for nothing in it."""
        if all(one.read for one in left) or not all_brought(inputs.kept, REQUEST):
            return self._records.lists_all(text, owner, made_by)
        return False

    def _is_told_of(self, text: str, phrase: Phrase, owner: User) -> bool:
        """The same; where it is a record that says so, others may tell of it without its author."""
        if not self._named_beside(text, phrase, owner):
            return False
        if parsed(text) is not None:
            self.words.shown([phrase])
        return True

    def _named_beside(self, text: str, phrase: Phrase, owner: User) -> bool:
        """True where what holds the words says whose they are: that is conversation, or a record of its author's."""
        held = parsed(text)
        if held is None:
            return self._names(text, owner)
        if says_whose(held, lambda text: bool(holds(text, [phrase]))):
            return True
        every = [*_around(held, phrase)]
        # Words that begin in a key, and go on in its value, stand in no text alone.
        return any(self._names("\0".join(beside), owner) for beside in every) if every else self._names(text, owner)

    def _is_user(self, name: Any) -> bool:
        return type(name) is str and self._known(name) is not None

    def _names(self, text: str, owner: User) -> bool:
        return self._content is not None and any(
            same(mark.user, owner) for mark in self._content.marks_of_text(text)[0]
        )


def _stands(held: str, text: str) -> bool:
    """True where it stands there, and is no part of a longer word or number."""
    return held in text and re.search(rf"(?<!\w){re.escape(held.strip())}(?!\w)", text) is not None


def _kinds(inputs: Inputs) -> str:
    return ", ".join(dict.fromkeys(one.kind for one in inputs.kept))


def _texts(one: Input) -> Iterable[str]:
    yield text_of(one.texts(one.value))[0]
    yield from _asked(one)


def _asked(one: Input) -> Iterable[str]:
    """The question, with the body of a request to another service."""
    if one.question is not None:
        yield text_of(one.asked(one.question))[0]
        yield sent_body(one.question)


def _around(held: Any, phrase: Phrase) -> Iterable[list[str]]:
    """For each text of a document with these words: what stands beside it, and beside all that it is in."""
    waiting: list[tuple[Any, list[str], int]] = [(held, [], 0)]
    nodes = _NODES
    while waiting and nodes:
        nodes -= 1
        value, beside, depth = waiting.pop()
        if type(value) is dict and depth < _DEPTH:
            plain = [text_of(one)[0] for one in value.values() if type(one) is not list]
            here = [*beside, *map(str, value), *plain]
            waiting += [(one, here, depth + 1) for one in value.values()]
        elif type(value) is list and depth < _DEPTH:
            waiting += [(one, beside, depth + 1) for one in value]
        elif type(value) is str and holds(value, [phrase]):
            yield beside
