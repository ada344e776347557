"""What a language model answers one user, sent to another's connection word by word: no word is anybody's by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.language_models import answers_in
from isolation_audit.content.pieces import MOST, SHORT, SOME, joined
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.rules.provenance.openings import opening_of
from isolation_audit.rules.provenance.phrases import words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from types import CodeType

    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User
    from isolation_audit.rules.provenance.own_words import OwnWords

_STREAMS: Final = 1_000
"""Pairs of users between whom something is sent word by word, as many as are remembered."""

UNANSWERED: Final = 60.0
"""Seconds for which a model's answer to another waits for what shows that its receiver is answered there as well."""

_RAW: Final = frozenset(map(id, (str, bytes)))


@dataclass(slots=True, eq=False, repr=False)
class Stream:
    """What one user's work has sent to another's connection: ``told`` is what is to be told of it."""

    sender: User
    inputs: Inputs
    told: Any
    view: CodeType | None = None
    """What serves the sender."""
    at: float = 0.0
    pieces: list[Any] = field(default_factory=list)
    answers: bool = False
    """True once it is known to be a part of an answer."""
    over: bool = False
    """True once its unit is."""


class WordByWord:
    """All such streams of one audit, and what users were sent in this way themselves."""

    def __init__(self, words: OwnWords) -> None:
        self._words = words
        self._streams: dict[tuple[str, str], Stream] = {}
        self._own: dict[str, list[Any]] = {}

    @staticmethod
    def may_be(payload: Any) -> bool:
        """True for what is short enough to be a piece."""
        return id(type(payload)) in _RAW and 0 < len(payload) <= SHORT

    def to_oneself(self, sender: User, payload: Any) -> None:
        """A user's own connection was sent a piece: whoever else is sent the same is in a room with that user."""
        if self.may_be(payload):
            own = self._own.setdefault(sender.id, [])
            own.append(payload)
            del own[:-MOST]
            drop_oldest(self._own, _STREAMS)

    def own(self, user: User) -> list[Any]:
        """The latest pieces that a user was sent in that user's own work."""
        return self._own.get(user.id, [])

    def to_another(
        self, sender: User, receiver: User, payload: Any, inputs: Inputs, told: Callable[[], Any | None]
    ) -> None:
        """Another's connection was sent one; ``told`` makes what is to be told, None where nothing is."""
        stream = self._streams.get((sender.id, receiver.id))
        if stream is None or stream.inputs is not inputs:
            stream = self._streams[sender.id, receiver.id] = Stream(sender, inputs, told(), opening_of(inputs).code())
            drop_oldest(self._streams, _STREAMS)
            inputs.at_end.append(partial(self._end, stream))
        if stream.told is not None and len(stream.pieces) < MOST:
            stream.pieces.append(payload)
            stream.at = time.monotonic()

    def ended(
        self, before: float, sent_to: Container[str], answered_there: Container[tuple[str, CodeType]]
    ) -> Iterator[Any]:
        """What is to be told of streams in which nothing has been sent since then.

        An answer is for its asker, who is among those who are ``sent_to`` on connections of their own; or where its
        receiver is ``answered_there``, by the same view, which may turn out a moment later.
        """
        for key, stream in list(self._streams.items()):
            if stream.at > before:
                continue
            answers, over = self._answers(stream), stream.over
            meant = stream.sender.id in sent_to
            if stream.view is not None and not meant:
                meant = (key[1], stream.view) in answered_there
                over = over and (not answers or stream.at <= before - UNANSWERED)
            if answers and meant and self._streams.pop(key, None) is not None:
                yield stream.told
            elif over:
                self._streams.pop(key, None)  # nobody is sent anything in its work any more

    def _end(self, stream: Stream) -> None:
        """The inputs of a unit are gone with it: find out before."""
        self._answers(stream)
        stream.over = True

    def _answers(self, stream: Stream) -> bool:
        stream.answers = stream.answers or (len(stream.pieces) >= SOME and self._is_an_answer(stream))
        return stream.answers

    def _is_an_answer(self, stream: Stream) -> bool:
        """True where it is a part of what a model was asked with the sender's words, and the sender was not sent it."""
        inputs, sender = stream.inputs, stream.sender
        asked = "\0".join(text for prompt in list(inputs.prompts) for text in prompt.turns)
        if not self._words.own(asked, sender):
            return False  # the application itself has asked, for anybody
        given = [*map(_spaced, joined(self._own.get(sender.id, [])))]
        answers = [*map(_spaced, answers_in(inputs))]
        for said in _said(stream.pieces):
            if any(said in one for one in answers):
                return not any(said in one for one in given)
        return False


def are_of(answers: list[str], pieces: list[Any]) -> bool:
    """True where pieces say a part of one of these answers together."""
    whole = [*map(_spaced, answers)]
    return any(said in one for said in _said(pieces) for one in whole)


def _said(pieces: list[Any]) -> list[str]:
    """What pieces say together, where they are enough words."""
    return [said for said in map(_spaced, joined(pieces)) if said.count(" ") > SOME]


def _spaced(text: str) -> str:
    return f" {' '.join(words_of(text))} "
