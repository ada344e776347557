"""Where integrations say what came in: to the unit of work that is running, or to nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.instrument.inputs.background import background_of
from isolation_audit.instrument.inputs.own_answers import OwnAnswers
from isolation_audit.instrument.inputs.unlearned import Unlearned
from isolation_audit.model.contexts import fetching_variable
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.model.inputs import ANSWER, Inputs
from isolation_audit.model.open_units import open_units

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Input


class Receiver:
    """Where integrations say what came in; one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._background = runtime.part(background_of)
        self._own_answers = runtime.part(OwnAnswers)
        self._unlearned = runtime.part(Unlearned)

    def receive(self, one: Input, rows: int = 1, size: int = 0) -> None:
        """Something has come in, to the unit that is running or to nobody's.

        What a store answers while a cache library fetches an entry is that entry, and no input by itself.
        """
        if fetching_variable.get() is not None:
            return
        inputs = current_inputs()
        if inputs is None:
            if one.kind != ANSWER or not self._own_answers.has(one):
                self._background.receive(one)
                if one.question is not None:
                    self._unlearned.asks_after_the_end(one)
        else:
            inputs.receive(one, rows, size)
            if one.question is not None and inputs not in self._unlearned.units:
                self._unlearned.asks(inputs)

    def begin(self, *first: Input, lasting: bool = False) -> Inputs:
        """The inputs of a unit of work that begins, with the first of them."""
        self._background.started = True
        inputs = Inputs(first, lasting=lasting)
        if not open_units.idle:
            open_units.began(inputs)
        return inputs


def receiver(runtime: Runtime) -> Receiver | None:
    """The audit's receiver of inputs; None where nothing is judged by them."""
    if runtime.config.audit.depth != "calls":
        return runtime.part(Receiver)
    return None if runtime.content is None or not runtime.config.watch.payloads else runtime.part(Receiver)
