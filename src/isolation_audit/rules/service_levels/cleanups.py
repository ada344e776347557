"""Clean-ups that come late or not at all: engines of ended units that nobody has cleaned up.

Only engines with ``engines.cleanup`` are followed, and only those that were made in a unit of work. An engine that
serves in a later unit was made to last, and nothing is said of its target.
"""

from __future__ import annotations

import os
import time
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.stacks import capture
from isolation_audit.model import contexts
from isolation_audit.model.users import Kind
from isolation_audit.rules.lifetime.lifetimes import Lifetimes, is_over, running_unit

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User

_FRAMES: Final = 16
_FOLLOWED: Final = 10_000


@dataclass(slots=True, eq=False, repr=False)
class Uncleaned:
    """An engine was cleaned up ``seconds`` after its unit had ended; by nobody where ``method`` is None.

    ``others_are`` is True where other engines of the target have been cleaned up.
    """

    target: str
    owner: User
    method: str | None
    seconds: float
    others_are: bool
    stack: RawStack


@dataclass(slots=True, eq=False)
class _Engine:
    reference: weakref.ref[Any]
    target: str
    owner: User
    unit: weakref.ref[Any]
    stack: RawStack
    test: Any
    over: float = 0.0
    """When its unit was seen to be over."""


class Cleanups:
    """The engines of one audit that wait for their clean-up."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._process = os.getpid()
        self._waiting: dict[int, _Engine] = {}
        self._gone: list[_Engine] = []
        """Those that are not there any more and were not cleaned up."""
        self._cleaned: set[str] = set()
        self._lifetimes = runtime.part(Lifetimes) if runtime.config.watch.lifetimes else None
        runtime.settling.append(self._settle)
        runtime.cleaned = self.cleaned

    def made(self, target: str, obj: Any, owner: User | None, stack: RawStack | None) -> None:
        """An engine that has to be cleaned up was made."""
        unit = running_unit()
        if unit is None or unit.ended or owner is None or owner.kind is not Kind.USER:
            return
        if len(self._waiting) + len(self._gone) >= _FOLLOWED:
            return
        key, waiting = id(obj), self._waiting

        def gone(reference: weakref.ref[Any]) -> None:
            one = waiting.get(key)
            if one is not None and one.reference is reference:
                self._gone.append(waiting.pop(key))

        test = contexts.test_variable.get()
        try:
            reference = weakref.ref(obj, gone)
        except TypeError:
            return
        waiting[key] = _Engine(reference, target, owner, weakref.ref(unit), stack or capture(_FRAMES), test)

    def cleaned(self, obj: Any, method: str) -> None:
        """A clean-up is over, whether or not it has raised."""
        one = self._waiting.pop(id(obj), None)
        if one is None:
            return
        self._cleaned.add(one.target)
        late = time.monotonic() - one.over if one.over else 0.0
        if late > self._runtime.config.limits.grace:
            self._publish(one, method, late)

    def _settle(self, grace: float) -> None:
        now, limits = time.monotonic(), self._runtime.config.limits
        if self._process != os.getpid():  # a forked child: its parent's engines are its parent's to clean up
            self._process = os.getpid()
            self._waiting.clear()
            self._gone.clear()
        for key, one in list(self._waiting.items()):
            if not one.over and is_over(one.unit()):
                one.over = now
            if one.over and now - one.over >= (limits.unended if grace else limits.grace):
                self._waiting.pop(key, None)
                self._tell(one, now, final=not grace)
        gone, self._gone = self._gone, []
        for one in gone:
            if not is_over(one.unit()):
                self._gone.append(one)
            else:
                self._tell(one, now, final=not grace)

    def _tell(self, one: _Engine, now: float, *, final: bool) -> None:
        if self._lifetimes is not None and self._lifetimes.lasts(one.target):
            return
        if one.target in self._cleaned or final:
            self._publish(one, None, now - (one.over or now))
        else:
            self._gone.append(one)  # told at the end: it may be that nobody ever calls the method

    def _publish(self, one: _Engine, method: str | None, seconds: float) -> None:
        others = one.target in self._cleaned
        with contexts.of_test(one.test):
            self._runtime.publish(Uncleaned(one.target, one.owner, method, seconds, others, one.stack))
