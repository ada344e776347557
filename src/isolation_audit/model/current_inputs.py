"""The inputs of the unit of work that is running: its own, and those of the unit that has handed it over."""

from __future__ import annotations

from isolation_audit.model.contexts import current_unit, scope_variable
from isolation_audit.model.inputs import ITEM, Inputs


def current_inputs() -> Inputs | None:
    """The inputs of the unit of work that is running; None where none is.

    It is the unit that has handed over what is worked on here, else the request, else the outermost scope.
    """
    # Asked several times in each request: the usual way is no call of a call.
    unit = current_unit()
    given_by, request = unit.given_by, unit.request
    if given_by is not None and not given_by.ended:
        return given_by
    if request is not None and request.inputs is not None:
        inputs: Inputs = request.inputs
        return inputs
    return _of_the_scope()


def own_inputs() -> Inputs | None:
    """The same, whoever has handed over what is worked on."""
    request = current_unit().request
    if request is not None and request.inputs is not None:
        inputs: Inputs = request.inputs
        return inputs
    return _of_the_scope()


def _of_the_scope() -> Inputs | None:
    scope = scope_variable.get()
    if scope is None:
        return None
    while scope.parent is not None:
        scope = scope.parent
    if scope.ended:
        return None
    if scope.inputs is None:
        scope.inputs = Inputs()
    made: Inputs = scope.inputs
    return made


def unit_inputs() -> Inputs | None:
    """The own ones; of a task that goes on when what has started it is over, those of the unit that it is a part of."""
    return own_inputs() or current_inputs()


def inputs_at_exit() -> Inputs | None:
    """What explains an exit: the inputs of the unit in which it leaves, and of the one that has handed it over."""
    current = current_inputs()
    return current if current is None or current_unit().given_by is None else _with_own(current)


def _with_own(current: Inputs) -> Inputs:
    own = own_inputs()
    if own is None or current is own:
        return current
    both = Inputs()
    both.began = min(own.began, current.began)
    both.kept = [*own.kept, *current.kept[_before_taking(own) :]]
    both.dropped = own.dropped + current.dropped
    both.contested = own.contested
    both.strange = [*own.strange, *current.strange]
    both.user = own.user
    return both


def _before_taking(own: Inputs) -> int:
    """What had come in with somebody's unit explains nothing that was taken from it by chance."""
    if own.contested:
        for one in reversed(own.kept):
            if one.kind == ITEM:
                return one.known_before if one.put_by is not None else 0
    return 0
