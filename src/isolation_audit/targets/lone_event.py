"""A clean event that is in no other one: the shim itself begins and ends it, without a call of ours.

What one unit of work sends begins in no other event, as a rule; what passes further layers inside it finds it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.tracking.observations import Emission
from isolation_audit.model.contexts import current_scope, emission_variable

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.compile.check import CarryingCheck
    from isolation_audit.instrument.runtime import Runtime


class LoneEvents:
    """What the shim of one emitting callable takes to begin and end such an event (see ``compile/source.py``).

    ``in_scope`` is called where a scope or a request runs, and ``end_otherwise`` where something has come in between.
    """

    __slots__ = ("begun", "counts", "end_otherwise", "in_scope", "kind", "layers", "name", "put", "under_way")

    def __init__(
        self, name: str, layer: str, runtime: Runtime, check: CarryingCheck, ends: Callable[[Emission], None]
    ) -> None:
        tally = runtime.tally
        check.begun.counts_in(tally.passages_so_far, layer)
        check.begun.counts_in(tally.events_so_far, layer)
        self.begun = check.begun
        self.counts: Any = tally.events_of
        self.end_otherwise = ends
        self.kind = Emission
        self.layers = (layer,)
        self.name = name
        self.put = emission_variable.set
        self.under_way = emission_variable.get

        def in_scope() -> None:
            scope = current_scope()
            if scope is not None:
                scope.events += 1
                work = scope.work
                if work is not None and not work.answered:
                    runtime.levels.first_event(work, name)

        self.in_scope = in_scope
