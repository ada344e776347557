"""Suspicions: a context may have the wrong user, or none. What the application does with its variable next decides.

That a context has another user than its work is harmless as long as the work sets its own user, or asks for none. So
nothing is said before the application has *read* its variable there, and has gone on without setting it. Reading is a
call of ``ContextVar.get``, which nothing can be put around; but the interpreter tells a profile function of every
call. For as long as a suspicion is open, and for a bounded number of calls, a thread therefore has one.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.foundation.records import record
from isolation_audit.instrument.barrier import enter_auditor, inside, leave_auditor, raised_by_signal
from isolation_audit.instrument.stacks import capture, is_ours
from isolation_audit.model.contexts import current_unit, suspicion_variable
from isolation_audit.model.users import same
from isolation_audit.rules.context.told_by_caller import knows
from isolation_audit.vocabulary.work import ContextDoubts

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from types import FrameType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.instrument.work.suspicion import Suspicion
    from isolation_audit.model.users import User


@record
class ContextBled:
    """Work ran in a context with the user ``ambient``, who is not its own; ``owner`` is its own user, where known.

    ``how`` is the template of the message, ``stack`` the place where it showed.
    """

    how: str
    place: str
    ambient: User | None
    owner: User | None
    stack: RawStack


@record
class ContextLost:
    """``owner``'s work asked whose work it is, at ``stack``, and there was nobody."""

    how: str
    place: str
    owner: User
    stack: RawStack


CALLS: Final = 20_000
"""The application's calls and returns after which a thread is watched no more, a few milliseconds' worth; what is open
then stays so."""

TRIES: Final = 32
"""Suspicions of one place that are looked into in a row; from then on it is one in ``SAMPLE``."""
SAMPLE: Final = 64
_PLACES: Final = 1_000


class Suspicions(ContextDoubts):
    """Opens and closes the suspicions of one audit, and tells what became of them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._tries: dict[Hashable, int] = {}
        self.watchers: list[Callable[[ContextVar[Any], str], None]] = []
        """Who else is told of each call of a method of a context variable, while somebody looks."""

    def open(self, suspicion: Suspicion, where: Hashable) -> Suspicion | None:
        """Look into it from now on, in the current context and those that are copied from it; None if not worth it.

        ``where`` says which suspicions come from one place.
        """
        if not self.watch(suspicion, where):
            return None
        suspicion_variable.set(suspicion)
        return suspicion

    def watch(self, suspicion: Suspicion, where: Hashable) -> bool:
        """Look what this thread does with its user; False where nobody can, or has looked often enough."""
        suspicion.watched = self._runtime.ambient.variable is not None and self.look(where)
        return suspicion.watched

    def look(self, where: Hashable) -> bool:
        """Give this thread a profile function of ours; False where it can't have one, or has had enough of them."""
        if not self.worth(where):
            return False
        profile: Any = sys.getprofile()
        if profile is None or (type(profile) is _Watch and not profile.is_of(self._runtime)):
            sys.setprofile(_Watch(self._runtime, self.watchers))
        elif type(profile) is _Watch:
            profile.extend()
        else:
            return False  # the application's own profiler: it must not miss anything
        return True

    def look_away(self) -> None:
        """The thread needs its profile function no more, unless somebody else does."""
        profile: Any = sys.getprofile()
        if type(profile) is _Watch and profile.is_of(self._runtime):
            profile.release()

    def close(self, suspicion: Suspicion) -> None:
        """The suspected work is over: tell whether its variable was read and never set."""
        if suspicion_variable.get() is suspicion:
            suspicion_variable.set(suspicion.outer)
        if suspicion.watched:
            suspicion.watched = False
            self.look_away()
        over, suspicion.over = suspicion.over, True
        if over or not suspicion.read:
            return
        if suspicion.ambient is not None:
            owner = suspicion.owner or suspicion.told
            if owner is None or not same(owner, suspicion.ambient):
                bled = ContextBled(suspicion.how, "read here", suspicion.ambient, owner, suspicion.read)
                self._runtime.publish(bled)
        elif suspicion.owner is not None:
            place = "nobody was found here"
            self._runtime.publish(ContextLost(suspicion.how, place, suspicion.owner, suspicion.read))

    def close_with(self, suspicion: Suspicion, _task: object) -> None:
        """The same where the event loop says that a task is done: there is no probe to hold back what goes wrong."""
        try:
            self.close(suspicion)
        except Exception as error:
            if raised_by_signal(error):
                raise
            self._runtime.barrier.fault("suspicion", error)

    def worth(self, where: Hashable) -> bool:
        """False where ``where`` has been looked into often enough; now and then it is once more."""
        if len(self._tries) >= _PLACES:
            self._tries.clear()
        tries = self._tries[where] = self._tries.get(where, 0) + 1
        return tries <= TRIES or tries % SAMPLE == 0


class _Watch:
    """The profile function of one thread."""

    __slots__ = ("_left", "_open", "_runtime", "_watchers")

    hears_of_calls: Final = True
    """Rewritten modules say when they call a method of a context variable."""

    def __init__(self, runtime: Runtime, watchers: list[Callable[[ContextVar[Any], str], None]]) -> None:
        self._runtime = runtime
        self._watchers = watchers
        self._left = CALLS
        self._open = 1

    def is_of(self, runtime: Runtime) -> bool:
        """False for what an earlier audit has left on a thread that did nothing since."""
        return self._runtime is runtime

    def extend(self) -> None:
        """One more suspicion is open on this thread."""
        self._open += 1
        self._left = CALLS

    def release(self) -> None:
        """One is closed."""
        self._open -= 1
        if self._open <= 0:
            self._stop()

    def _stop(self) -> None:
        if sys.getprofile() is self:
            sys.setprofile(None)

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "c_call" and type(arg.__self__) is ContextVar:
            self._touched(frame, arg.__self__, arg.__name__)
        if not is_ours(frame.f_code):  # what one of our own hooks does may be many calls, and none of the application's
            self._left -= 1
        if self._left <= 0 or not self._runtime.running:
            self._stop()

    def _touched(self, frame: FrameType, variable: ContextVar[Any], method: str) -> None:
        me = get_ident()
        if me in inside or is_ours(frame.f_code):
            return
        suspicion: Suspicion | None = suspicion_variable.get()
        concerned = variable is self._runtime.ambient.variable and suspicion is not None and not suspicion.over
        try:
            enter_auditor(me)
            for watcher in self._watchers:
                watcher(variable, method)
            if concerned and suspicion is not None:
                self._judge(suspicion, method, frame)
        except Exception as error:
            if raised_by_signal(error):
                raise
            if concerned and suspicion is not None:
                suspicion.over = True
            self._runtime.barrier.fault("suspicion", error)
        finally:
            leave_auditor(me)

    def _judge(self, suspicion: Suspicion, method: str, frame: FrameType) -> None:
        user = self._runtime.ambient.in_context()
        expected = suspicion.ambient
        if expected is None:
            # In the task that has the user nothing is lost, nor where whoever asks has been told whose work it is.
            owner = suspicion.owner
            concerned = user is None and owner is not None and (method != "get" or not knows(frame, owner.id))
        else:
            concerned = user is not None and same(user, expected)
        request = current_unit().request
        if method != "get" and request is not None:
            request.inherited = None
        if method == "get":
            if concerned:
                suspicion.told = suspicion.told if request is None else request.claimed() or suspicion.told
                suspicion.read = suspicion.read or capture(self._runtime.config.limits.stack)
        elif concerned:
            suspicion.over = True  # the work sets its own user
