"""Constructions like one that the monitors have looked at: the same place, the same class, a user known the same way.

Who builds an object, whether a factory does, and what follows from that, is found on the stack. For the next object of
the same place it is the same, so each monitor is only asked for what it does with every object.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Final, NamedTuple

from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.instrument.tracking.observations import Built

_PLACES: Final = 64
"""Places at which objects of one target are built, and what is remembered of each."""
_USER: Final = Kind.USER


class _Known(NamedTuple):
    """One construction, and what is left to do for one like it."""

    builds: object
    origin: RawStack
    kind: weakref.ref[type]
    named: bool
    context: weakref.ref[type]
    """The class of the user's context."""
    steps: tuple[tuple[str, Callable[[Built], None]], ...] | None
    """None where a monitor has to look at each."""
    idle: bool
    """True where nothing is left to do as long as no unit of work is running."""


class KnownConstructions:
    """What is remembered for one entry of the configuration."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: dict[tuple[int, int], _Known] = {}
        """By the innermost place, whose code is held by what is remembered."""

    def tell(self, built: Built, origin: RawStack) -> tuple[RawStack, bool]:
        """Have the monitors told. What comes back is where it was built, one tuple for all that were built there.

        And True where nothing more is to be done for such a construction while no unit of work is running.
        """
        runtime, named = self._runtime, built.named
        if not origin or built.via is not None or (named is not None and named.kind is not _USER):
            runtime.publish(built)
            return origin, False
        place = (id(origin[0][0]), origin[0][1])
        known = self._known.get(place)
        if (
            known is not None
            and known.builds is runtime.builds
            and known.kind() is type(built.obj)
            and known.named is (named is not None)
            and known.context() is type(built.context)
            and known.origin == origin
        ):
            if known.steps is None:
                runtime.publish(built)
                return known.origin, False
            for name, step in known.steps:
                try:
                    step(built)
                except Exception as error:
                    runtime.barrier.fault(name, error)
                    runtime.builds = object()  # next time it is told in the general way, and taken out if it has to be
            return known.origin, known.idle
        return origin, self._learn(place, built, origin)

    def _learn(self, place: tuple[int, int], built: Built, origin: RawStack) -> bool:
        builds = self._runtime.builds
        answers = self._runtime.ask(built)
        answered = [(name, answer) for name, answer in answers if answer is not None]
        if len(answered) < len(answers):
            self._known.pop(place, None)
            return False
        steps = tuple([(name, answer.step) for name, answer in answered if answer.step is not None])
        idle = all(answer.step is None or answer.in_units for _name, answer in answered)
        if len(self._known) >= _PLACES:
            self._known.clear()
        self._known[place] = _Known(
            builds,
            origin,
            weakref.ref(type(built.obj)),
            built.named is not None,
            weakref.ref(type(built.context)),
            steps,
            idle,
        )
        return idle
