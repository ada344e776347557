"""Threads of the auditor's own, which the application does not see.

Programs look at their threads: a server that forks refuses to do so beside others, a test looks for those that were
left over. ``threading`` tells of the objects of its own class, so these threads have none.
"""

from __future__ import annotations

import os
import threading
from _thread import start_new_thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_running: set[tuple[int, int]] = set()
"""Process and thread: a forked child has none of its parent's."""


class OwnThread:
    """One thread. It does not hold up the end of the process."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._process = 0
        self._over = threading.Event()

    @property
    def alive(self) -> bool:
        """Whether it was started, in this process, and is not over."""
        return self._process == os.getpid() and not self._over.is_set()

    def start(self) -> None:
        """Start it.

        Raises:
            RuntimeError: there can be no other thread, as at the end of the process.
        """
        self._process = os.getpid()
        try:
            start_new_thread(self._run, ())
        except RuntimeError:
            self._process = 0
            raise

    def join(self, timeout: float) -> None:
        """Wait for its end, for at most ``timeout`` seconds."""
        if self.alive:
            self._over.wait(timeout)

    def _run(self) -> None:
        me = (os.getpid(), threading.get_ident())
        _running.add(me)
        try:
            self._work()
        finally:
            _running.discard(me)
            self._over.set()


def own_threads() -> set[int]:
    """The identifiers of those that run in this process."""
    process = os.getpid()
    return {thread for started, thread in list(_running) if started == process}
