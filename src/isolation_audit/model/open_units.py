"""Which scopes, requests and inputs a context may still have: as long as there is none, no unit of work can be running.

That a unit has ended does not say that its work has: a task or thread that it has started goes on in a copy of its
context. So what a context refers to is forgotten when it is gone, and what is doubtful counts as living.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Callable


class OpenUnits:
    """What has begun in this process, and who is told when the first of it begins and the last is gone."""

    def __init__(self) -> None:
        # Re-entrant: Python may drop something, and call ``_gone``, wherever this thread is.
        self._lock = threading.RLock()
        self._found: set[ref[object]] = set()
        self._tell: Callable[[bool], None] | None = None
        self._always = False
        self.idle = False
        """True where nobody is told, and :meth:`began` and :meth:`ended` have nothing to do."""
        self.begun = 0
        """How much has begun since somebody is told."""
        self._missed = False
        """True once something has begun while nobody was told: it may be in some context for good."""

    def watch(self, tell: Callable[[bool], None], *, always: bool) -> None:
        """Call ``tell`` now and from now on; ``always`` where units may run without anything that is known here."""
        with self._lock:
            self.idle = False
            self._tell, self._always = tell, always
            self._say()

    def doubt(self) -> None:
        """From now on units may run without anything that is known here."""
        with self._lock:
            self._always = True
            self._say()

    def forget(self) -> None:
        """Tell nobody any more."""
        with self._lock:
            self._missed = self._missed or bool(self._found)
            self._found.clear()
            self._always = True
            self._say()
            self._tell = None

    def began(self, *what: object) -> None:
        """A context is about to have this; None is nothing."""
        if self._tell is None:
            self._missed = True
            # Again: ``watch`` may have looked at it before it was set.
            if self._tell is None:
                with self._lock:
                    self.idle = self._tell is None
                return
        with self._lock:
            self.begun += 1
            self._found.update(ref(one, self._gone) for one in what if one is not None)
            self._say()

    def any(self) -> bool:
        """True while something of this is known to be living."""
        return bool(self._found)

    def ended(self, what: object) -> None:
        """Nothing runs for this any more, whoever has it."""
        if self._tell is not None:
            self._gone(ref(what))

    def _gone(self, reference: ref[object]) -> None:
        with self._lock:
            if reference in self._found:
                self._found.discard(reference)
                self._say()

    def _say(self) -> None:
        if self._tell is None:
            return
        some = self._some()
        self._tell(some)
        if not some and self._some():
            # What was dropped meanwhile has run code of the application, which has begun something.
            self._tell(True)

    def _some(self) -> bool:
        return self._always or self._missed or bool(self._found)

    def after_fork(self) -> None:
        """In a forked child, where another thread may have had the lock, and was about to tell."""
        self._lock = threading.RLock()
        self._say()


open_units: Final = OpenUnits()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=open_units.after_fork)
