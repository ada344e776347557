"""A probe sits in one instrumented callable and asks its interceptors before and after each call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from isolation_audit.instrument.barrier import Reentrancy

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.barrier import Barrier
    from isolation_audit.instrument.layout import Values


class Interceptor(Protocol):
    """What one kind of target does around a call. ``before`` returns None when there is nothing left to do after it."""

    place: str

    def before(self, values: Values) -> Any:
        """Called with the call's values as its layout describes them."""

    def after(self, state: Any, result: Any) -> None:
        """Called with what ``before`` returned and what the call returned."""

    def failed(self, state: Any, error: BaseException) -> None:
        """Called instead of ``after`` when the call raised."""


class Guarded:
    """An interceptor behind the fault barrier: it can't raise, can't be re-entered, and is switched off after N faults."""

    __slots__ = ("barrier", "interceptor", "live")

    def __init__(self, interceptor: Interceptor, barrier: Barrier) -> None:
        self.interceptor = interceptor
        self.barrier = barrier
        self.live = True

    def call(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """Run one step of the interceptor; None after a fault."""
        if not Reentrancy.enter():
            return None
        try:
            return step(*arguments)
        except Exception as error:
            if self.barrier.fault(self.interceptor.place, error):
                self.live = False
            return None
        finally:
            Reentrancy.leave()


class Probe:
    """Holds the original callable and the interceptors; shims and wrappers call it."""

    __slots__ = ("_guarded", "original")

    def __init__(self, original: Callable[..., Any]) -> None:
        self.original = original
        self._guarded: tuple[Guarded, ...] = ()

    def add(self, interceptor: Interceptor, barrier: Barrier) -> None:
        """Ask one more interceptor from now on."""
        self._guarded = (*self._guarded, Guarded(interceptor, barrier))

    def clear(self) -> None:
        """Ask nobody any more: the callable behaves as if it had never been instrumented."""
        self._guarded = ()

    def before(self, values: Values) -> list[tuple[Guarded, Any]] | None:
        """Ask each live interceptor; those with something to do afterwards are returned with their state."""
        states = None
        for guarded in self._guarded:
            if guarded.live:
                state = guarded.call(guarded.interceptor.before, values)
                if state is not None:
                    states = [(guarded, state)] if states is None else [*states, (guarded, state)]
        return states

    @staticmethod
    def after(states: list[tuple[Guarded, Any]], result: Any) -> None:
        """Tell the waiting interceptors, the last one first, as nested blocks would end."""
        for guarded, state in reversed(states):
            guarded.call(guarded.interceptor.after, state, result)

    @staticmethod
    def failed(states: list[tuple[Guarded, Any]], error: BaseException) -> None:
        """Tell the waiting interceptors that the call raised."""
        for guarded, state in reversed(states):
            guarded.call(guarded.interceptor.failed, state, error)

    def __reduce__(self) -> tuple[Any, ...]:
        # By-value picklers (for functions of __main__) walk into code constants: give them a probe that asks nobody.
        return (Probe, (self.original,))
