"""A probe sits in one instrumented callable and asks its interceptors before and after each call."""

from __future__ import annotations

from contextlib import nullcontext
from threading import get_ident
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.barrier import enter_auditor, inside, leave_auditor, raised_by_signal
from isolation_audit.instrument.calls import asking
from isolation_audit.instrument.calls.interceptors import Guarded
from isolation_audit.instrument.compile.gated import Gated

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.barrier import Barrier
    from isolation_audit.instrument.calls.interceptors import Asked, Before, Interceptor, Joined, Passes, States
    from isolation_audit.instrument.compile.check import Check


class Probe:
    """Holds the original callable and the interceptors; shims and wrappers call it.

    ``before(values)`` asks each interceptor, and returns those with something to do afterwards, with their state; None
    where nobody has. It is made anew for each number of interceptors: the usual one has no loop to run.
    """

    __slots__ = (
        "_asked",
        "_guarded",
        "_joined",
        "before",
        "check",
        "gated",
        "minds_failures",
        "minds_results",
        "original",
        "passes",
        "relink",
    )

    def __init__(self, original: Callable[..., Any]) -> None:
        self.original = original
        self._guarded: tuple[Guarded, ...] = ()
        self._joined: Joined | None = None
        self._asked: Asked = (asking.nobody, asking.nobody)
        self.before: Before = asking.nobody
        self.passes: Passes = asking.nobody
        """Asked instead of ``before`` by compiled hooks, with what was remembered of the last call that was alike."""
        self.check: Check | None = None
        """What compiled code compares before it asks; None where each call is asked about."""
        self.gated: Gated | None = None
        """The gate behind which the only one is that is asked, for compiled code; None where there is none."""
        self.relink: Callable[[], None] | None = None
        """Has the code exchanged that stands before the original; None where that is always the same."""
        self.minds_failures = False
        """Whether :meth:`failed` ever had; else a call that raises goes on at once."""
        self.minds_results = False
        """Whether :meth:`after` ever had anybody to tell: who is removed while a call runs still has to be told."""

    def __len__(self) -> int:
        return len(self._guarded)

    @property
    def joins(self) -> bool:
        """Whether one function does what all interceptors do before a call, and counts it elsewhere."""
        return self._joined is not None and not getattr(self._joined, "counts_calls", False)

    def cells(self) -> list[list[int]]:
        """The cells in which its calls are counted: one for each target that it is a part of."""
        return [one.calls for one in self._guarded]

    def add(self, interceptor: Interceptor, barrier: Barrier, calls: list[int]) -> Guarded:
        """Ask one more interceptor from now on; its calls are counted in ``calls[0]``."""
        guarded = Guarded(interceptor, barrier, self.remove, calls)
        if guarded.check is not None:
            guarded.check.site.counts_in(calls, 0)
        self._ask((*self._guarded, guarded))
        return guarded

    def remove(self, guarded: Guarded) -> None:
        """Ask this one no more."""
        self._ask(tuple([one for one in self._guarded if one is not guarded]))

    def clear(self) -> None:
        """Ask nobody any more: the callable behaves as if it had never been instrumented."""
        self._ask(())

    def _ask(self, guarded: tuple[Guarded, ...]) -> None:
        gone: list[Any] = [one.check for one in self._guarded if one.check is not None and one not in guarded]
        gone += [] if self._joined is None else [self._joined]
        self._guarded = guarded
        self.minds_results |= any(one.minds_results for one in guarded)
        self.minds_failures |= any(one.minds_failures for one in guarded)
        apart = (
            asking.nobody if not guarded else asking.one(guarded[0]) if len(guarded) == 1 else asking.several(guarded)
        )
        join = getattr(guarded[0].interceptor, "joined", None) if len(guarded) > 1 else None
        joined: Joined | None = None if join is None else join(guarded, apart)
        self._joined = joined
        before = apart if joined is None else joined.before
        check = guarded[0].check if guarded and joined is None else None
        passes: Passes = asking.nobody
        if check is not None and check.ends:
            check = check if len(guarded) == 1 else None
            passes = asking.ending(guarded[0])
        elif check is not None and check.carried:
            check.stands(alone=len(guarded) == 1)
            passes = asking.passing(guarded)
        else:
            check = check if len(guarded) == 1 else None
        self._asked = self.before, self.passes = before, passes
        self.check = check
        gate = guarded[0].gate if len(guarded) == 1 and check is None else None
        self.gated = None if gate is None else Gated(gate, guarded[0].calls)
        if self.relink is not None:
            self.relink()
        for left in gone:
            left.retire()

    def watched_by(self, around: Callable[[Asked], Asked] | None) -> None:
        """Have ``around`` stand before what is asked, until somebody else is asked, or with None no more."""
        while True:
            asked = self._asked
            self.before, self.passes = asked if around is None or not self._guarded else around(asked)
            if self._asked is asked:  # else another thread has exchanged who is asked, meanwhile
                return

    # Unlike `before`, these two do not mind being inside the auditor already: there a garbage collection may have
    # closed a coroutine, and what was opened for it has to be closed.

    @staticmethod
    def after(states: States, result: Any) -> None:
        """Tell the waiting interceptors, the last one first, as nested blocks would end."""
        if len(states) == 1 and states[0][0].ends_quietly:
            guarded, state = states[0]
            try:
                guarded.interceptor.after(state, result)
            except Exception as fault:
                asking.absorbed(guarded, fault)
            return
        while states and states[-1][0].ends_quietly:
            guarded, state = states[-1]
            states = states[:-1]
            try:
                guarded.interceptor.after(state, result)
            except Exception as fault:
                asking.absorbed(guarded, fault)
        if not states:
            return
        me = get_ident()
        outermost = me not in inside
        try:
            enter_auditor(me)
            for guarded, state in reversed(states) if len(states) > 1 else states:
                if guarded.minds_results:
                    try:
                        guarded.interceptor.after(state, result)
                    except Exception as fault:
                        asking.absorbed(guarded, fault)
        finally:
            if outermost:
                leave_auditor(me)

    failed = staticmethod(asking.failed)

    def absorb(self, fault: Exception) -> None:
        """A fault of what compiled code has called by itself."""
        for guarded in self._guarded[:1]:
            asking.absorbed(guarded, fault)

    def not_inlined(self, fault: Exception) -> None:
        """A check could not be put into the function's own code: that is counted, and a shim does the same."""
        for guarded in self._guarded[:1]:
            if raised_by_signal(fault):
                raise fault
            guarded.barrier.fault(f"{guarded.place} (inlined)", fault)

    def __reduce__(self) -> tuple[Any, ...]:
        # By-value picklers (for functions of __main__) walk into code constants. Give them something that asks nobody
        # and is made of the standard library alone: the auditor need not be installed where they unpickle.
        return (SimpleNamespace, (), {"before": nullcontext().__exit__, "original": self.original})


def inside_the_auditor(tell: Callable[[], None]) -> None:
    """Call ``tell``; what it has the application do meanwhile is not asked about."""
    me = get_ident()
    outermost = me not in inside
    try:
        enter_auditor(me)
        tell()
    finally:
        if outermost:
            leave_auditor(me)
