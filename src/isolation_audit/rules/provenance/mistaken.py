"""Questions with somebody else's id: the rows name nobody, and the id was in nothing that has come in.

A global, or an attribute of a shared object, had the id of whoever came last, and the query was asked with that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.content.naming import parsed
from isolation_audit.content.questions import persons_asked_for
from isolation_audit.model.inputs import FILE, REQUEST
from isolation_audit.model.users import same
from isolation_audit.rules.provenance.code import constants
from isolation_audit.rules.provenance.judge import Exit, Judge
from isolation_audit.rules.provenance.own_rows import OwnRows
from isolation_audit.rules.provenance.phrases import unescaped
from isolation_audit.rules.provenance.verdicts import Judgement, Verdict
from isolation_audit.rules.state.contents import texts
from isolation_audit.rules.state.read_inputs import ReadInputs

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Input, Inputs
    from isolation_audit.model.users import User

_LONG: Final = 6
"""Characters of a text by which an answer is known again..."""

_DIGITS: Final = 4
"""...and of a number."""

_VALUES: Final = 200
"""Values of one answer that are looked at."""


class Mistaken:
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        self._judge = runtime.part(Judge)
        self._rows = runtime.part(OwnRows)

    def judge(
        self, inputs: Inputs, text: str, user: User, made_by: CodeType | None
    ) -> tuple[Judgement, Callable[[str], bool]] | None:
        """What is to be said of an exit that has something of such an answer, with what finds it in a part of it."""
        for one in inputs.strange:
            other = next(iter(self._rows.named_by(one).values()), None)
            if other is None or same(other, user):
                continue
            here = _shown(one, inputs, text, made_by)
            if not here:
                continue
            judged = self._judge.judge(inputs, [other], Exit(user, made_by, text=text))[0]
            if judged.verdict is Verdict.LAUNDERED or (
                judged.verdict is Verdict.MEMORY and not self._number_came_in(one, inputs, user)
            ):
                made = Judgement(Verdict.MISTAKEN, other, "", judged.looked_at, judged.counts)
                return made, lambda part, here=here: any(value in part for value in here)
        return None

    def _number_came_in(self, one: Input, inputs: Inputs, user: User) -> bool:
        """True where something that came in before has a number by which the question names the other user.

        What was read about the unit's own user does not count: there a 1 may be anything.
        """
        numbers = {str(value) for value in persons_asked_for(one)}
        if not numbers.isdisjoint(ReadInputs(inputs, user, None).values()):
            return True
        for before in inputs.kept:
            if before is one:
                break
            about_others = before.kind != REQUEST and self._rows.named_by(before).keys() != {user.id}
            if about_others and not numbers.isdisjoint(texts(before.texts(before.value), _VALUES)):
                return True
        return not numbers


def _shown(one: Input, inputs: Inputs, text: str, made_by: CodeType | None) -> list[str]:
    """The values of an answer that stand in an exit, and in nothing else that has come in, or in the view's code."""
    whole = unescaped(text)
    known = [text for other in inputs.kept if other is not one for text in texts(other.texts(other.value), _VALUES)]
    held = one.texts(one.value)
    if one.kind == FILE:
        held = parsed(held) or held.splitlines()
    written = "\0".join([*known, *constants(made_by)])
    return [
        value
        for value in texts(held, _VALUES)
        if len(value) >= (_DIGITS if value.isdecimal() else _LONG) and value in whole and value not in written
    ]
