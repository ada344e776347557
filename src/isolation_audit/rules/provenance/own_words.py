"""The words of users: phrases that somebody's requests and messages brought in, recognised where they leave for others.

Most of what a leak shows names nobody: a turn of a conversation, an address, what somebody has asked. Whose it is, is
known from where it came in. Phrases are kept as digests, and only where they are long enough to be no accident. What
two users bring in, what a user was given by a query of his own, and what its author has sent to others, is nobody's.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.naming import parsed
from isolation_audit.content.payload import Gathering
from isolation_audit.content.request_texts import all_brought
from isolation_audit.instrument.inputs.unlearned import Unlearned
from isolation_audit.model.inputs import REQUEST, Inputs
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.provenance.asked_things import READS, AskedThings
from isolation_audit.rules.provenance.brought_in import (
    LONGEST,
    OF_ONE,
    keys_of,
    marked_words,
    numbers_of_persons,
    phrases_of,
    read,
    single_values,
)
from isolation_audit.rules.provenance.given_names import GivenNames
from isolation_audit.rules.provenance.made_public import MadePublic
from isolation_audit.rules.provenance.model_answers import ModelAnswers
from isolation_audit.rules.provenance.openings import opening_of
from isolation_audit.rules.provenance.own_rows import OwnRows, what_was_read
from isolation_audit.rules.provenance.phrases import marks_in, phrases_in, unescaped, words_of
from isolation_audit.rules.provenance.standing import holds
from isolation_audit.vocabulary.work import InputsLearned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.requests import Request
    from isolation_audit.model.users import User
    from isolation_audit.rules.provenance.phrases import Phrase

_PHRASES: Final = 20_000
"""Phrases that are remembered."""

_ALIKE: Final = 64
"""Phrases with the same two words, at the same place of as many, that are."""

_REQUESTS: Final = 8
"""Requests of one user that are remembered with whom they have named."""

_NAMES: Final = 1_000
"""Values that are remembered beside one phrase, or of one user, and users of whom they are."""

_NOBODY: Final[frozenset[str]] = frozenset()


class OwnWords(InputsLearned):
    """One audit's; holds nothing that could be read."""

    def __init__(self, runtime: Runtime) -> None:
        self._content = runtime.content
        self._known = runtime.users.known
        self._made_public = MadePublic()
        self._things = runtime.part(AskedThings)
        self._given = runtime.part(GivenNames)
        self._rows = runtime.part(OwnRows)
        self.unlearned = runtime.part(Unlearned)
        self._phrases: dict[int, Phrase] = {}
        self._by_pair: dict[int, dict[tuple[int, int], dict[int, Phrase]]] = {}
        """By their two words; those with as many words before and in all by their digest: one look tells of all."""
        self._everybodys: dict[int, None] = {}
        """Digests of phrases that were read with a question about nobody."""
        self._users = min(_NAMES, runtime.config.limits.users)
        self._addressed: dict[str, tuple[frozenset[int], ...]] = {}
        """By user: hashes of the single values of their latest requests, one set for each."""
        answers = self._model_answers = ModelAnswers(self.own, self._say, self._users)
        self.askers, self.begun, self.unfinished = answers.askers, answers.begun, answers.unfinished
        self.anchors: dict[int, int] = {}
        """How many phrases that are somebody's have each longest word."""

    def learn(self, inputs: Inputs, user: User, elsewhere: Request | None = None) -> None:
        """What a unit was asked with is its user's. ``elsewhere`` is its request, where that is not the running one."""
        seen = inputs.learned
        if seen == len(inputs.kept) and not inputs.answers:
            return
        inputs.learned = len(inputs.kept)
        self.unlearned.units.pop(inputs, None)
        latest = inputs.kept[seen:]
        if inputs.prompts:
            latest = self._model_answers.take(latest, inputs, user)
        # Most requests have asked nothing by then, and are passed by without a call.
        for one in () if self._rows.over else latest:
            if one.question is not None:
                if not self._rows.learn(
                    latest, user, partial(self._read, user), partial(self._read_by_all, user), inputs.strange
                ):
                    self.publish([phrase for phrase in list(self._phrases.values()) if phrase.read])
                break
        # A message is a text, as a rule, and comes alone: what it has brought in is that text.
        alone = len(latest) == 1 and type(latest[0].value) is str and latest[0].kind == REQUEST
        asked = [one.value for one in latest if one.value] if alone else all_brought(latest, REQUEST)
        if not asked or user.kind is not Kind.USER:
            return
        texts, pairs, single = read(asked)
        named = single_values(texts)
        before = self._addressed.pop(user.id, ())
        self._addressed[user.id] = before if before[-1:] == (named,) else (*before[1 - _REQUESTS :], named)
        if len(self._addressed) > self._users:
            drop_oldest(self._addressed, self._users)
        opening = opening_of(inputs, elsewhere)
        things, view = self._things.wrote(user, inputs, opening, pairs)
        found = phrases_of(texts, user)
        writes = inputs.lasting or opening.method not in READS
        found |= numbers_of_persons(texts, pairs, user, writes=writes)
        if pairs and writes and not inputs.lasting:
            found |= keys_of(pairs, user)
        # A message is searched as it came: so it goes on, and is not searched again there.
        inputs.saying = [single] if single is not None else texts, pairs, named, things, view, opening, []
        if found:
            self._say([*found.values()][:OF_ONE], inputs, user)

    def _say(self, found: Iterable[Phrase], inputs: Inputs, user: User) -> None:
        """They are said in the latest request of a unit, and its user's."""
        if inputs.saying is None:
            return
        texts, pairs, named, things, view, opening, said = inputs.saying
        meant_for = self._named(texts, user)
        for_all, taken_by = self._made_public.asked(pairs, user, inputs, opening)
        said_in = opening.addressed(inputs)
        for phrase in found:
            phrase.meant_for, phrase.said_in, phrase.named = meant_for, said_in, named
            phrase.taken_by = None if meant_for else taken_by
            phrase.about, phrase.written_by = things, view
            self._add(phrase)
            known = self._phrases.get(phrase.digest, phrase)
            said.append(known)
            if for_all and not phrase.key:
                self.publish([known])

    def answered(self, inputs: Inputs, user: User, answer: bytes, place: str) -> None:
        """A request is answered: what the application calls in there what was written with it, is its name."""
        opening, said = inputs.saying[-2:]
        if opening.method in READS or not opening.method:
            return
        names = self._given.answered(user, inputs, str(answer, "utf-8", "replace"), place)
        for phrase in said if names else ():
            phrase.about |= names

    def catch_up(self) -> None:
        """Look through what other units have read that are still at work, or have left work behind."""
        if self.unfinished:
            self._model_answers.catch_up()
        for inputs, user, request in self.unlearned.running():
            learned = inputs.learned
            self.learn(inputs, user, request)
            # What it is asked with may not be there yet: in the end it is looked through as a whole.
            inputs.learned = min(learned, inputs.learned)
            self.unlearned.again(inputs, request)
        for user, one in self.unlearned.left_behind():
            if not self._rows.over and self._rows.named_by(one).keys() == {user.id}:
                self.unlearned.explains(user, one)
                self.learn(Inputs([one]), user)

    def _read(self, user: User, text: str) -> None:
        """What was read with a question about its user is that user's as well."""
        if len(text) <= LONGEST:
            for phrase in (*phrases_in(text, user, read=True), *marks_in(text, user, read=True)):
                if phrase.digest not in self._everybodys:
                    phrase.read = True
                    self._add(phrase)

    def _read_by_all(self, user: User, text: str) -> None:
        """What was read with a question about nobody is for all."""
        if len(text) <= LONGEST:
            for phrase in (*phrases_in(text, user, read=True), *marks_in(text, user, read=True)):
                self._everybodys[phrase.digest] = None
                known = self._phrases.get(phrase.digest)
                if known is not None and known.read:
                    self.publish([known])
            if len(self._everybodys) > _PHRASES:
                drop_oldest(self._everybodys, _PHRASES)
                self._rows.forgets()

    def lists_readers(self, text: str, user: User, inputs: Inputs) -> bool:
        """True where a text has something that was read for ``user``, too: then it is a list of all.

        But for what this very unit has read: that stands beside what others have left in the same place.
        """
        words = words_of(unescaped(text))
        own = [one for one in self._standing(words) if one.read and one.user is not None and same(one.user, user)]
        if not own:
            return self._rows.lists_readers(text, user, inputs)
        return not holds(what_was_read(inputs), own)

    def shown(self, phrases: Iterable[Phrase]) -> None:
        """Others have read them beside their author: the views that have taken them take what is for others."""
        opened = {phrase.taken_by for phrase in phrases} - {None}
        self.publish(phrases)
        if self._made_public.opens(opened):
            self.publish(
                [one for one in list(self._phrases.values()) if one.user is not None and one.taken_by in opened]
            )

    def has_addressed(self, user: User, other: User, text: str) -> bool:
        """True where a request of one of the two had the other's name, and a number or the like that is in this text.

        It needs no number where words of such a request stand there, nor where the text is a list of names: who shares
        something with somebody is known to them.
        """
        pairs = [
            (one, hash(named.id.casefold())) for one, named in ((user, other), (other, user)) if _is_name(named.id)
        ]
        requests = [had for one, name in pairs for had in self._addressed.get(one.id, ()) if name in had]
        if not requests:
            return False
        names = {hash(one.id.casefold()) for one in (user, other)}
        found = {hash(word) for word in marked_words.findall(text.casefold())} - names
        return (
            any(not found.isdisjoint(had) for had in requests)
            or self.lists_names(text)
            or any(
                second.id in one.meant_for
                for first, second in ((user, other), (other, user))
                for one in self.own(text, first)
            )
        )

    def lists_names(self, text: str) -> bool:
        """True for lists of JSON that have names of users in them, and nothing else."""
        held = parsed(text)
        lists = [held] if type(held) is list else list(held.values()) if type(held) is dict else []
        texts = Gathering(lists).texts if all(type(one) is list for one in lists) else []
        return bool(texts) and all(self._known(text) is not None for text in texts)

    def of_others(self, text: str, user: User) -> list[Phrase]:
        """The phrases in a text that are somebody else's, and not meant for ``user``."""
        if not self.anchors:
            return []
        words = words_of(unescaped(text) if "\\" in text or "&" in text else text)
        if self.anchors.keys().isdisjoint(map(hash, words)):
            return []  # as in most texts
        return [
            phrase
            for phrase in self._standing(words)
            if phrase.user is not None
            and phrase.user is not user
            and not same(phrase.user, user)
            and user.id not in phrase.meant_for
            and (not phrase.named or hash(user.id.casefold()) not in phrase.named)
        ]

    def own(self, text: str, user: User) -> list[Phrase]:
        """The phrases in a text that are ``user``'s own."""
        words = words_of(unescaped(text))
        return [one for one in self._standing(words) if one.user is not None and same(one.user, user)]

    def read_for(self, text: str, user: User) -> bool:
        """True where a text has something that was read for ``user`` alone."""
        return bool(self._rows.of(text, user)) or any(one.read for one in self.own(text, user))

    def publish(self, phrases: Iterable[Phrase]) -> None:
        """They are nobody's from now on, which stays known; nothing is searched for them any more."""
        for phrase in phrases:
            phrase.user = None
            self._pass_by(phrase)

    def sent_to_others(self, payload: Any, sender: User) -> None:
        """What its author sends to somebody else is no secret of theirs any more."""
        if self.anchors:
            words = words_of(unescaped("\0".join(Gathering(payload).texts)))
            self.publish(one for one in self._standing(words) if one.user is not None and same(one.user, sender))

    def _standing(self, words: list[str]) -> list[Phrase]:
        """All phrases that stand in a text of these words."""
        hashes = [*map(hash, words)]
        common = self.anchors.keys() & hashes
        if not common:
            return []
        found: dict[int, Phrase] = {}
        last = len(words) - 1
        for place in [place for place, one in enumerate(hashes) if one in common]:
            # A single word is in many texts; two in a row are in few.
            pairs = [
                (start, hash((words[start], words[start + 1]))) for start in (place - 1, place) if 0 <= start < last
            ]
            for start, pair in (*pairs, (place, hash((words[place],)))):
                alike = self._by_pair.get(pair)
                for (before, length), phrases in alike.items() if alike is not None else ():
                    first = start - before
                    if first >= 0:
                        phrase = phrases.get(hash(tuple(words[first : first + length])))
                        if phrase is not None:
                            found[phrase.digest] = phrase
        return [*found.values()]

    def _add(self, phrase: Phrase) -> None:
        known = self._phrases.setdefault(phrase.digest, phrase)
        if known is not phrase:
            if known.user is not None and phrase.user is not None and not same(known.user, phrase.user):
                self.publish([known])
            known.meant_for |= phrase.meant_for
            known.said_in |= phrase.said_in
            known.about |= phrase.about
            known.asked_with |= phrase.asked_with
            known.read &= phrase.read
            known.key |= phrase.key
            if len(known.named) <= _NAMES:
                known.named |= phrase.named
            return
        shape = (phrase.place, phrase.length)
        alike = self._by_pair.setdefault(phrase.pair, {}).setdefault(shape, {})
        if len(alike) >= _ALIKE:
            self._drop(next(iter(alike.values())))
            alike = self._by_pair.setdefault(phrase.pair, {}).setdefault(shape, {})
        alike[phrase.digest] = phrase
        self.anchors[phrase.anchor] = self.anchors.get(phrase.anchor, 0) + 1
        if len(self._phrases) > _PHRASES:
            self._drop(next(iter(self._phrases.values())))

    def _drop(self, phrase: Phrase) -> None:
        if self._phrases.pop(phrase.digest, None) is not None:  # else another thread has
            self._rows.forgets()
            self._pass_by(phrase)

    def _pass_by(self, phrase: Phrase) -> None:
        """Search for it no more."""
        shapes = self._by_pair.get(phrase.pair, {})
        alike = shapes.get((phrase.place, phrase.length), {})
        if alike.pop(phrase.digest, None) is None:
            return  # nobody does
        if not alike:
            # Not changed in place: another thread may be going through it.
            left_over = {shape: one for shape, one in list(shapes.items()) if one}
            if left_over:
                self._by_pair[phrase.pair] = left_over
            else:
                self._by_pair.pop(phrase.pair, None)
        left = self.anchors.get(phrase.anchor, 0) - 1
        if left > 0:
            self.anchors[phrase.anchor] = left
        else:
            self.anchors.pop(phrase.anchor, None)

    def _named(self, texts: list[str], user: User) -> frozenset[str]:
        """The ids of others whom texts name."""
        if self._content is None:
            return _NOBODY
        marks = self._content.marks_of_text(texts[0] if len(texts) == 1 else "\0".join(texts))[0]
        return frozenset([mark.user.id for mark in marks if mark.user.id != user.id]) if marks else _NOBODY


def _is_name(user_id: str) -> bool:
    """False for a number, which may be anything's."""
    return not user_id.isdecimal()
