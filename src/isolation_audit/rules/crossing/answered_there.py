"""Which views give whoever asks a language model there the answer: then somebody else's answer is not for them.

An interpreter gives bob what alice has said, and a screen shows to all what one has asked for: nobody who reads it
there is given an answer of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.content.language_models import answers_in
from isolation_audit.model.current_inputs import own_inputs
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.rules.provenance.openings import opening_of

if TYPE_CHECKING:
    from types import CodeType

    from isolation_audit.model.users import User

_USERS: Final = 1_000
"""Users of views that are remembered."""


class AnsweredThere:
    """One audit's."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, CodeType], None] = {}

    def __contains__(self, user_and_view: tuple[str, CodeType]) -> bool:
        return user_and_view in self._known

    def sent(self, user: User, text: str) -> None:
        """This was sent to ``user``, in that user's own work."""
        view, inputs = view_at_work(), own_inputs()
        if view is None or inputs is None or not inputs.prompts or (user.id, view) in self._known:
            return
        if any(answer in text for answer in map(str.strip, answers_in(inputs)) if answer):
            self._known[user.id, view] = None
            drop_oldest(self._known, _USERS)


def view_at_work() -> CodeType | None:
    """The code of what has opened the connection whose unit is at work, also in tasks that it has started."""
    inputs = own_inputs()
    return None if inputs is None else opening_of(inputs).code()
