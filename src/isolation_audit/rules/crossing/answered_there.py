"""Which views give whoever asks a language model there the answer: then somebody else's answer is not for them.

An interpreter gives bob what alice has said, and a screen shows to all what one has asked for: nobody who reads it
there is given an answer of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.language_models import answers_in
from isolation_audit.model.current_inputs import own_inputs
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.rules.crossing.word_by_word import are_of
from isolation_audit.rules.provenance.openings import opening_of

if TYPE_CHECKING:
    from types import CodeType

    from isolation_audit.model.users import User

_TOGETHER: Final = 8
"""Pieces of an answer that are looked at together."""

_USERS: Final = 1_000
"""Users of views that are remembered."""


class AnsweredThere:
    """One audit's."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, CodeType], None] = {}

    def __contains__(self, user_and_view: object) -> bool:
        return user_and_view in self._known

    def sent(self, user: User, text: str, pieces: list[Any]) -> None:
        """This was sent to ``user``, in that user's own work, or the latest of these pieces."""
        view, inputs = view_at_work(), own_inputs()
        if view is None or inputs is None or not inputs.prompts or (user.id, view) in self._known:
            return
        answers = answers_in(inputs)
        if any(answer in text for answer in map(str.strip, answers) if answer) or (
            pieces and not len(pieces) % _TOGETHER and are_of(answers, pieces[-_TOGETHER:])
        ):
            self._known[user.id, view] = None
            drop_oldest(self._known, _USERS)


def view_at_work() -> CodeType | None:
    """The code of what has opened the connection whose unit is at work, also in tasks that it has started."""
    inputs = own_inputs()
    return None if inputs is None else opening_of(inputs).code()
