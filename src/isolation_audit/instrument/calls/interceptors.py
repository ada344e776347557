"""Interceptors: what one kind of target does around a call, and how a fault in one is kept from the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from isolation_audit.instrument.barrier import raised_by_signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.barrier import Barrier
    from isolation_audit.instrument.compile.check import Check
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.model.gates import Gate

    Before = Callable[[Values], "States | None"]
    Passes = Callable[[Values, Any], "States | None"]
    Asked = tuple[Before, Passes]
    """What shims call: for any call, and for one that is like the last clean one."""


class Interceptor:
    """What one kind of target does around a call. Whoever inherits from it overrides what it needs."""

    place: str
    compiled_check: Check | None = None
    """What makes a call clean at a glance, for compiled hooks; None where each call has to be looked at."""
    gate: Gate | None = None
    """Where it is closed, ``before`` has nothing to do; None where that can't be told without the call."""
    reads_nothing = False
    """True where ``passes`` reads nothing of the application's, so that none of its code runs in it."""
    ends_quietly = False
    """The same of ``after``."""

    def joined(self, every: tuple[Guarded, ...], apart: Before) -> Joined | None:
        """One function for what ``every`` does before a call, this one first; None where each is asked by itself.

        ``apart`` asks them one after the other, for calls that are not as usual.
        """

    def before(self, values: Values) -> Any:
        """Called with the call's values as its layout describes them; None when there is nothing left to do after."""

    def passes(self, values: Values, witnesses: Any) -> Any:
        """Called instead of ``before`` for a call like the last clean one, with what its check carries.

        ``AGAIN`` says that there is more to it, and has ``before`` called after all.
        """

    def ended(self, values: Values) -> None:
        """Called instead of ``before`` and ``after`` where the check of a construction finds another than the last."""

    def after(self, state: Any, result: Any) -> None:
        """Called with what ``before`` returned and what the call returned."""

    def failed(self, state: Any, error: BaseException) -> None:
        """Called instead of ``after`` when the call raised."""


class OfReceiver(Interceptor):
    """One whose state is the object that is called: keeping that takes no call of ours."""

    def __init__(self, layout: Layout) -> None:
        self.before = layout.receiver_reader()  # type: ignore[assignment] # written in C, as a rule


class Guarded:
    """An interceptor behind the fault barrier: can't raise, can't be re-entered, is switched off after N faults.

    ``calls`` is the cell in which the calls of its target are counted, here and for every interceptor alike.
    """

    __slots__ = (
        "_remove",
        "barrier",
        "calls",
        "check",
        "ends_quietly",
        "gate",
        "interceptor",
        "minds_failures",
        "minds_more",
        "minds_results",
        "place",
        "reads_nothing",
    )

    def __init__(
        self, interceptor: Interceptor, barrier: Barrier, remove: Callable[[Guarded], None], calls: list[int]
    ) -> None:
        self.interceptor = interceptor
        self.calls = calls
        # Now, where it may fail: one that has none is not installed.
        self.place = interceptor.place
        self.barrier = barrier
        self._remove = remove
        self.check: Check | None = getattr(interceptor, "compiled_check", None)
        self.gate: Gate | None = getattr(interceptor, "gate", None)
        self.reads_nothing: bool = getattr(interceptor, "reads_nothing", False)
        self.ends_quietly: bool = getattr(interceptor, "ends_quietly", False)
        kind = type(interceptor)
        self.minds_results = getattr(kind, "after", Interceptor.after) is not Interceptor.after
        self.minds_failures = getattr(kind, "failed", Interceptor.failed) is not Interceptor.failed
        self.minds_more = self.minds_results or self.minds_failures

    def absorb(self, error: Exception) -> None:
        """Count a fault; what a signal handler raised is the application's own and goes on."""
        if raised_by_signal(error):
            raise error
        if self.barrier.fault(self.place, error):
            self._remove(self)


States = tuple[tuple[Guarded, Any], ...]


class Joined(Protocol):
    """What several interceptors do before a call, in one function."""

    before: Before

    def retire(self) -> None:
        """It is not asked any more."""
