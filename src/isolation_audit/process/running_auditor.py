"""The one auditor of this process, and what becomes of it when the process forks or ends."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Protocol

from isolation_audit.foundation.forks import forks

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime


class Running(Protocol):
    """What the process needs to know of an auditor, which is built on top of this floor."""

    runtime: Runtime

    def stop(self) -> None:
        """Stop; safe to call twice."""

    def flush(self) -> None:
        """Give the sinks what there is; the audit goes on."""

    def after_fork(self) -> None:
        """Go on in a forked child."""


class Process:
    """Holds the running auditor."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.auditor: Running | None = None
        self.at_exit = False
        """True while the main thread stops the auditor at the interpreter's end."""
        self.ending: int | None = None
        """The signal that is to end the process as soon as the auditor has stopped."""

    def let_go(self, auditor: Running) -> None:
        """Make room for the next auditor."""
        with self.lock:
            if self.auditor is auditor:
                self.auditor = None

    def stop(self) -> None:
        """Stop the running auditor, if there is one."""
        auditor = self.auditor
        if auditor is not None:
            auditor.stop()


process = Process()


def _after_fork() -> None:
    process.lock = threading.RLock()
    forks.ended_in_child()
    auditor = process.auditor
    if auditor is not None:
        try:
            auditor.after_fork()
            _finalize_in_multiprocessing()
        except Exception as error:
            auditor.runtime.barrier.fault("fork", error)


def _finalize_in_multiprocessing() -> None:
    # multiprocessing's forked children leave by os._exit: atexit never runs there, multiprocessing's own finalizers do.
    # It clears them when the child begins, right after this, and then calls what was registered for after the fork.
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(process, lambda _: util.Finalize(None, process.stop, exitpriority=0))


def _at_exit() -> None:
    """Stop, undisturbed by one more Ctrl-C: the first one is what ended the process. Another one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        process.stop()
        return
    process.at_exit = True
    before = signal.signal(signal.SIGINT, lambda number, _frame: signal.signal(number, signal.SIG_DFL))
    try:
        process.stop()
    finally:
        if before is not None:  # None: a handler that was not installed from Python
            signal.signal(signal.SIGINT, before)
    if process.ending is not None:
        os.kill(os.getpid(), process.ending)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=forks.begin, after_in_parent=forks.ended_in_parent, after_in_child=_after_fork)
