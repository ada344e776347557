"""Rows that one user's work writes under another's id, which came in with nothing: a global had it, or an attribute.

Whoever writes for others, followers say, does so on purpose. So it counts where the same view has the same statement
write what is its own user's, at another time: here it would have been this unit's user.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.payload import Gathering
from isolation_audit.content.questions import GIVEN
from isolation_audit.content.written_owners import owners_written, writes
from isolation_audit.instrument.stacks import DEEP, capture
from isolation_audit.instrument.work.routes import current_endpoint
from isolation_audit.model.contexts import of_test, test_variable
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.content.egress import Surfaced
from isolation_audit.rules.provenance.judge import Exit, Judge
from isolation_audit.rules.provenance.verdicts import Judgement, Verdict
from isolation_audit.rules.state.contents import texts
from isolation_audit.vocabulary.outside import RowsWritten

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User

_STATEMENTS: Final = 2_000
"""Statements of views that are remembered, and rows that wait to be told of."""

_ROWS: Final = 50
"""Rows of one statement that are looked at, and values of what has come in."""
_VALUES: Final = 1_000

_ROW: Final = "a row that is written"


@dataclass(slots=True, eq=False, repr=False)
class _Strange:
    """A row of another user's that a unit has written."""

    key: tuple[int, int]
    inputs: Inputs
    surfaced: Surfaced
    test: Any
    over: bool = False
    """True once its unit is: it has written none of its own user's by the same statement."""


class WrittenRows(RowsWritten):
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._judge = runtime.part(Judge)
        self._bearer = runtime.names.of
        self._own: dict[tuple[int, int], None] = {}
        """Statements, by view, with which a unit has written what was its own user's."""
        self._strange: dict[int, _Strange] = {}
        self._mixed: dict[tuple[tuple[int, int], int], None] = {}
        """Those with which this very unit has."""
        runtime.settling.append(self.settle)

    def wrote(self, target: str, statement: Any, given: Any) -> None:
        """A statement is about to change rows."""
        inputs = current_inputs()
        if inputs is None or not given or not writes(statement):
            return
        user = self._runtime.ambient.current()
        if user is None or user.kind is not Kind.USER:
            return
        rows = given[:_ROWS] if type(given) is list and id(type(given[0])) in GIVEN else [given]
        endpoint = current_endpoint()
        made_by = None if endpoint is None else endpoint.code()
        key = hash(statement), hash(made_by)
        for row in rows:
            owners = [owner for one in owners_written(statement, row) if (owner := self._user(one)) is not None]
            if any(same(owner, user) for owner in owners):
                self._is_own(key, inputs)
            elif len({owner.id for owner in owners}) == 1 and not self._names(row, user):
                other = owners[0]
                judged = self._judge.judge(inputs, [other], Exit(user, made_by))[0]
                if judged.verdict is Verdict.MEMORY and not self._came_in(inputs, statement, row):
                    judgement = Judgement(Verdict.OWNED, other, "", judged.looked_at, judged.counts)
                    stack = capture(DEEP)
                    told = Surfaced(target, _ROW, user, other, stack, endpoint=endpoint, judgement=judgement)
                    self._wait(_Strange(key, inputs, told, test_variable.get()))

    def _is_own(self, key: tuple[int, int], inputs: Inputs) -> None:
        self._own[key] = None
        drop_oldest(self._own, _STATEMENTS)
        self._mixed[key, id(inputs)] = None
        inputs.at_end.append(partial(self._mixed.pop, (key, id(inputs)), None))
        for number, one in list(self._strange.items()):
            if one.inputs is inputs and one.key == key:
                self._strange.pop(number, None)

    def _wait(self, one: _Strange) -> None:
        if (one.key, id(one.inputs)) in self._mixed:
            return
        self._strange[id(one)] = one
        drop_oldest(self._strange, _STATEMENTS)
        one.inputs.at_end.append(partial(setattr, one, "over", True))

    def settle(self, _grace: float) -> None:
        """Tell of those whose unit has ended, once another unit has written its own user's."""
        for number, one in list(self._strange.items()):
            if one.over and one.key in self._own and self._strange.pop(number, None) is not None:
                with of_test(one.test):
                    self._runtime.publish(one.surfaced)

    def _user(self, value: Any) -> User | None:
        if (type(value) is not str and type(value) is not int) or type(value) is bool:
            return None
        user = self._runtime.users.known(value) if type(value) is str else None
        if user is None:
            user = self._bearer(str(value))
            user = user if user is not None and user.login else None
        return user if user is not None and user.kind is Kind.USER else None

    def _names(self, row: Any, user: User) -> bool:
        """True where it is this unit's user's as well, as a ticket with an agent is."""
        return any(same(named, user) for one in _values(row) if (named := self._user(one)) is not None)

    def _came_in(self, inputs: Inputs, statement: str, row: Any) -> bool:
        """True where a number that stands for its owner has come in."""
        numbers = {str(one) for one in owners_written(statement, row) if str(one).isdecimal()}
        return bool(numbers) and any(
            not numbers.isdisjoint(texts(one.texts(one.value), _VALUES)) for one in list(inputs.kept)
        )


def _values(row: Any) -> list[Any]:
    return (
        [*row.values()]
        if type(row) is dict
        else [*row]
        if (type(row) is tuple or type(row) is list)
        else Gathering(row).texts
    )
