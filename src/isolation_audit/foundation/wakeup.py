"""Wakes the one thread that waits, from any place of the process, also from where no lock may be taken."""

from __future__ import annotations

import _thread


class Wakeup:
    """A flag that one thread waits for.

    :meth:`set` is one call of C that never waits: a signal handler, a finalizer or a weak reference's callback may run
    between any two steps of :meth:`set` or :meth:`wait` on the same thread and call :meth:`set` itself. An
    ``Event`` can't be set there: it holds a lock that the same thread could not take twice.
    """

    __slots__ = ("_unset",)

    def __init__(self) -> None:
        self._unset = _thread.allocate_lock()
        self._unset.acquire()

    def set(self) -> None:
        """Raise the flag."""
        try:
            self._unset.release()
        except RuntimeError:
            return  # it was up already

    def is_set(self) -> bool:
        """Whether the flag is up."""
        return not self._unset.locked()

    def wait(self, seconds: float) -> bool:
        """Wait until the flag is up, and take it down; False where it stayed down for ``seconds``."""
        return self._unset.acquire(timeout=seconds)
