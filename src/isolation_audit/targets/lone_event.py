"""A clean event that is in no other one: it begins and ends in two short functions, which the shim itself calls.

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
    from isolation_audit.targets.event_witnesses import Witnesses

    Opens = Callable[[Witnesses], Emission | None]
    Closes = Callable[[Emission], None]


def opening(
    name: str, layer: str, runtime: Runtime, check: CarryingCheck, closes_otherwise: Closes
) -> tuple[Opens, Closes]:
    """``opens(witnesses)`` gives the event, or None where it is in another one, or others have to be told.

    ``closes(event)`` ends it; ``closes_otherwise`` is asked where something has come in between.
    """
    tally, begun = runtime.tally, check.begun
    begun.counts_in(tally.passages_so_far, layer)
    begun.counts_in(tally.events_so_far, layer)
    under_way, put = emission_variable.get, emission_variable.set
    counts: Any = tally.events_of
    count = tally.count_user

    def opens(witnesses: Witnesses) -> Emission | None:
        if under_way() is not None or not check.lone or runtime.spans is not None:
            return None
        scope = current_scope()
        if scope is not None:
            scope.events += 1
            work = scope.work
            if work is not None and not work.answered:
                runtime.levels.first_event(work, name)
        emission = Emission(name, witnesses.ambient, layer)
        emission.claimed, emission.known, emission.verified = witnesses.claimed, witnesses.known, witnesses.verified
        emission.depth = 1
        begun.clean += 1.0
        put(emission)
        return emission

    def closes(emission: Emission) -> None:
        user = emission.claimed
        if emission.depth != 1 or not emission.verified or under_way() is not emission:
            closes_otherwise(emission)
            return
        emission.depth = 0
        emission.searched = emission.clean = None
        put(None)
        if user in counts:
            counts[user] += 1
        else:
            count(counts, user)

    return opens, closes


def never_alone(_witnesses: Witnesses) -> None:
    """Begins no event: its name has to be read first."""
