"""What a language model answers is whose words it was asked with: it is made of them, though it names nobody.

It counts as said by that user, in the same request: what explains the one, a room that both have asked for, say,
explains the other. Whoever asks with the very same words may be given the same answer.
"""

from __future__ import annotations

from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from isolation_audit.content.language_models import answered, begins_conversation, conversation_ids, is_stream, is_whole
from isolation_audit.content.request_texts import answer_text, is_over
from isolation_audit.model.inputs import ANSWER
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.tables import first
from isolation_audit.rules.provenance.brought_in import LONGEST, OF_ONE, phrases_of
from isolation_audit.rules.provenance.openings import asked_for
from isolation_audit.rules.provenance.standing import holds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isolation_audit.model.inputs import Input, Inputs
    from isolation_audit.model.users import User
    from isolation_audit.rules.provenance.phrases import Phrase

_BODY: Final = 256 * 1024
"""Characters of an answer, with all that is around its words, that are looked at."""

_BEGUN: Final = 10_000
"""Conversations that services keep that are remembered."""

_UNITS: Final = 1_000
"""Units at work with answers that were not complete, as many as are remembered..."""
_AT_ONCE: Final = 32
"""...and as are looked at where something leaves..."""
_AGAIN: Final = 0.05
"""...each after so many seconds: an answer is put together for that."""

_WAITING: Final = 16
"""Answers of one unit that are looked at once they are complete."""


class Begun(NamedTuple):
    """A conversation that a service keeps: whose work has begun it, and what that had asked for by its path."""

    user: User
    said_in: frozenset[str]


class ModelAnswers:
    """One audit's. ``own`` gives a user's own phrases in a text, ``say`` keeps phrases as said in a unit."""

    def __init__(
        self,
        own: Callable[[str, User], list[Phrase]],
        say: Callable[[Iterable[Phrase], Inputs, User], None],
        users: int,
    ) -> None:
        self._own = own
        self._say = say
        self._users = users
        self.askers: dict[str, None] = {}
        """Ids of users whose work has asked a language model, at most so many."""
        self.begun: dict[int, Begun] = {}
        """Conversations by the hashes of their ids, as answers have given them."""
        self.unfinished: dict[Inputs, tuple[User, float]] = {}
        """Units with answers that were not complete, and when to look at them again."""

    def take(self, latest: list[Input], inputs: Inputs, user: User) -> list[Input]:
        """What is left of the latest inputs of a unit that has asked a model, without the answers of models."""
        self.askers[user.id] = None
        if len(self.askers) > self._users:
            drop_oldest(self.askers, self._users)
        waiting = inputs.answers
        if waiting is None:
            waiting = inputs.answers = []
            inputs.at_end.append(partial(self._learn, inputs, waiting, user, at_end=True))
        left = []
        for one in latest:
            body = answer_text(one) if one.kind == ANSWER else None
            if body is not None and len(waiting) < _WAITING and (not body or _is_of_model(one, body)):
                waiting.append(one)
            else:
                left.append(one)
        self._learn(inputs, waiting, user)
        return left

    def _learn(self, inputs: Inputs, waiting: list[Input], user: User, *, at_end: bool = False) -> None:
        """Learn the answers that are complete; the others are at the end of the unit."""
        left = []
        for one in list(waiting):
            body = answer_text(one)
            if at_end or is_over(one) or is_whole(body):
                self._learn_one(body[:_BODY], inputs, user)
            else:
                left.append(one)
        waiting[:] = left
        if left:
            self.unfinished[inputs] = user, monotonic() + _AGAIN
            drop_oldest(self.unfinished, _UNITS)
        else:
            self.unfinished.pop(inputs, None)

    def catch_up(self) -> None:
        """Look again at answers that were not complete: what a model says part by part ends in silence."""
        now = monotonic()
        for inputs, (user, due) in first(self.unfinished.items(), _AT_ONCE):
            answers = inputs.answers or []
            if due <= now or any(map(is_over, answers)):
                self._learn(inputs, answers, user)

    def _learn_one(self, body: str, inputs: Inputs, user: User) -> None:
        asked = "\0".join(text for prompt in inputs.prompts for text in prompt.turns)
        if not self._own(asked, user):
            return  # the application itself has asked, for anybody
        for one in conversation_ids(body):
            self.begun.setdefault(hash(one), Begun(user, asked_for(inputs)))
        drop_oldest(self.begun, _BEGUN)
        phrases = [*phrases_of([text[:LONGEST] for text in answered(body)], user).values()][:OF_ONE]
        known = holds("\0".join([asked, *(prompt.instructions for prompt in inputs.prompts)]), phrases)
        question = frozenset(one.digest for one in self._own(inputs.prompts[-1].turns[-1], user))
        for phrase in phrases:
            phrase.asked_with = question
        # What the application has given the model, such as a document for all, is its own.
        self._say([phrase for phrase in phrases if phrase.digest not in known], inputs, user)


def _is_of_model(one: Input, body: str) -> bool:
    """True for what a model has answered, or may still: of a stream, the first part may say nothing as yet."""
    if answered(body) or begins_conversation(body):
        return True
    return not is_over(one) and not is_whole(body) and is_stream(body)
