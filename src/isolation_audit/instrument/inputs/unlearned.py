"""What has come in and was not looked through yet, for whoever learns whose it is.

A unit is looked through when something leaves in it. What it has read may leave in another one before: from a place in
memory, while it is still at work, or after its end, where it has left a task or a thread at work.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from isolation_audit.instrument.inputs.background import background_of
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import Inputs
from isolation_audit.model.running import running_loop
from isolation_audit.model.tables import first

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Input
    from isolation_audit.model.requests import Request
    from isolation_audit.model.users import User

_UNITS: Final = 1_000
"""Units that are remembered."""

_AT_ONCE: Final = 8
"""Of them, those that are looked through where something leaves, and how often each is."""
_LOOKS: Final = 3

_LEFT: Final = 200
"""Inputs of work that has been left behind that are: those that wait to be looked through, and those that were."""


class Unlearned:
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        self._background = runtime.part(background_of)
        self.units: dict[Inputs, Request | None] = {}
        """Requests at work that were not looked through, and units that have asked for something since they were."""
        self._looks: WeakKeyDictionary[Inputs, int] = WeakKeyDictionary()
        self.left: deque[tuple[User, Input]] = deque(maxlen=_LEFT)
        """What was asked for in work that a unit has left behind, and whose unit that was."""
        self._explaining: deque[tuple[str, Input]] = deque(maxlen=_LEFT)

    def asks(self, inputs: Inputs) -> None:
        """A unit has asked for something."""
        if len(self.units) < _UNITS:
            self.units[inputs] = current_unit().request

    def asks_after_the_end(self, one: Input) -> None:
        """Something was asked for where no unit runs: maybe one that is over has left the work behind."""
        unit = current_unit()
        user = None if unit.request is None else unit.request.served_user
        if unit.given_by is not None:
            user = unit.given_by.user
        if user is not None:
            self.left.append((user, one))

    def leaves(self, user: User, inputs: Inputs) -> None:
        """A job of ``user``'s is over: what it has asked for was left behind by the unit that has published it."""
        self.left.extend([(user, one) for one in inputs.kept if one.question is not None])

    def running(self) -> list[tuple[Inputs, User, Request | None]]:
        """Some of the units at work, those whose user is known; each is given a few times, as more may have come in."""
        found = []
        on_loop = running_loop() is not None
        for inputs, request in first(self.units.items(), _AT_ONCE):
            if inputs.ended:
                self.units.pop(inputs, None)
                continue
            user = inputs.user
            if user is None and request is not None:
                user = request.user() if on_loop else request.user_so_far
            if user is not None:
                found.append((inputs, user, request))
            else:
                self.again(inputs, request)
        return found

    def again(self, inputs: Inputs, request: Request | None) -> None:
        """Look through it once more later, behind the others, unless that was done often enough."""
        self.units.pop(inputs, None)
        looks = self._looks[inputs] = self._looks.get(inputs, 0) + 1
        if looks < _LOOKS and not inputs.ended:
            self.units[inputs] = request

    def left_behind(self) -> list[tuple[User, Input]]:
        """What was asked for in work that has been left behind; it counts as looked through from now on."""
        found = []
        while self.left:
            found.append(self.left.popleft())
        return found

    def explains(self, user: User, one: Input) -> None:
        """It has turned out that ``user``'s own work has asked for what is ``user``'s."""
        self._background.known_as(one)
        self._explaining.append((user.id, one))

    def with_left(self, inputs: Inputs, user: User) -> Inputs:
        """The inputs of a unit of ``user``'s, and what work that earlier ones have left behind has read for it."""
        left = [one for owner, one in list(self._explaining) if owner == user.id]
        if not left:
            return inputs
        both = Inputs([*left, *inputs.kept])
        both.began, both.dropped, both.user = inputs.began, inputs.dropped, inputs.user
        both.contested, both.strange = inputs.contested, inputs.strange
        return both
