"""Trails: what a job leaves behind in its thread's context for a library, and a later job of another user finds.

OpenTelemetry keeps its current context (span and baggage) in a context variable; ``attach`` without ``detach`` in a
pool's thread leaves it there. Unlike a ContextVar, it is read through a function, so each reading is seen.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import beneath
from isolation_audit.instrument.stacks import capture
from isolation_audit.model.contexts import residue_variable
from isolation_audit.model.gates import Gate
from isolation_audit.model.residue import Residue
from isolation_audit.model.users import Kind, User, same
from isolation_audit.rules.context.suspicions import ContextBled
from isolation_audit.vocabulary.libraries import LibraryContexts

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack

STILL_ATTACHED: Final = (
    "the OpenTelemetry context that was attached for {owner}, and never detached, was current in the work of {ambient}"
)
_LIBRARIES: Final = ("opentelemetry", "contextlib.py")


class _Residue:
    """What one job has left behind; holds nothing of it."""

    __slots__ = ("left", "read", "user")

    def __init__(self, left: Any, user: User) -> None:
        self.left = weakref.ref(left)
        self.user = user
        self.read: RawStack = ()


class LibraryResidue(LibraryContexts):
    """What jobs of one audit leave behind."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._current: Callable[[], Any] | None = None
        self.idle = True
        """True as long as there is no library to leave anything for."""
        self.gate = Gate()
        """Open once any job has left something."""

    def follow(self, current: Callable[[], Any]) -> None:
        """``current`` gives what the library has in the running context at this moment."""
        self._current, self.idle = current, False

    def begin(self) -> Any:
        """A job begins: what is there now is none of its doing. Not kept alive: it may hold a user's data."""
        return None if self._current is None else weakref.ref(self._current())

    def end(self, before: Any, user: User | None) -> None:
        """The job is done, and was ``user``'s."""
        if self._current is None:
            return
        left: Residue | None = residue_variable.get()
        trail: _Residue | None = None if left is None else left.library
        if trail is not None and trail.read:
            self._tell(trail, user)
        now = self._current()
        if before is not None and now is not before() and user is not None:
            self.gate.open = True
            Residue().library = _Residue(now, user)

    def read(self, value: Any) -> None:
        """The application was given ``value`` as what is current."""
        left: Residue | None = residue_variable.get()
        trail: _Residue | None = None if left is None else left.library
        if trail is None or trail.read or trail.left() is not value:
            return
        trail.read = beneath(capture(self._runtime.config.limits.stack), _LIBRARIES)

    def _tell(self, trail: _Residue, user: User | None) -> None:
        read, trail.read = trail.read, ()
        if user is not None and user.kind is Kind.USER and not same(user, trail.user):
            self._runtime.publish(ContextBled(STILL_ATTACHED, "read here", user, trail.user, read))
