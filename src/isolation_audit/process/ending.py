"""How an audited process ends where Python runs none of ``atexit``'s functions: the report is written first.

That may begin in a signal handler, which interrupts whatever its thread was doing, also the auditor while it holds a
lock of its own. So nothing is stopped or written there: another thread does it, for a limited time.
"""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, NoReturn

from isolation_audit.process.running_auditor import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

LIMIT: Final = 6.0
"""Seconds after which a process ends in any case, whether or not its report could be written."""

_PAUSE: Final = 0.5
"""Seconds for which a signal's handler keeps the main thread from going on.

Longer would help nobody: where the report takes so long, the main thread may hold what its writing waits for.
"""

_WRITTEN_FIRST: Final = (signal.SIGTERM, signal.SIGHUP)
"""Signals whose default action is put off until the report is written."""

_ENDING: Final = (*_WRITTEN_FIRST, signal.SIGINT)


def write_reports_first() -> None:
    """Write the report before SIGTERM or SIGHUP ends the process, before ``os._exit`` and before ``os.exec*``."""
    _before_signals()
    _before_calls()


def _before_signals() -> None:
    """An application's own handler replaces ours. One that hands the signal back to the default (as uvicorn does after
    its shutdown) hands it to ours."""
    if threading.current_thread() is threading.main_thread():
        for number in _WRITTEN_FIRST:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _on_signal)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    """Takes no lock of Python's: the frame below may hold it. The next signal ends the process at once."""
    _give_back_default_actions()
    # Should this thread come to the interpreter's end first: there it sends itself the signal.
    process.ending = number
    if process.at_exit:
        return
    written = _thread.allocate_lock()
    written.acquire()
    try:
        _thread.start_new_thread(_end_after_report, (number, written))
        _thread.start_new_thread(_end_in_any_case, (number,))
    except RuntimeError:  # no thread can be had: the end goes before the report
        os.kill(os.getpid(), number)
    written.acquire(timeout=_PAUSE)


def _give_back_default_actions() -> None:
    for number in _WRITTEN_FIRST:
        if signal.getsignal(number) is _on_signal:
            signal.signal(number, signal.SIG_DFL)


def _end_after_report(number: int, written: _thread.LockType) -> None:
    try:
        process.stop()
    finally:
        os.kill(os.getpid(), number)
        written.release()


def _end_in_any_case(number: int) -> None:
    time.sleep(LIMIT)
    os.kill(os.getpid(), number)


def _elsewhere(act: Callable[[], None]) -> None:
    """Do ``act`` on a thread of its own, and wait for at most ``LIMIT`` seconds.

    The caller may be a signal handler of the application that has interrupted the auditor.
    """
    if process.auditor is None:
        return
    done = _thread.allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            act()
        finally:
            done.release()

    try:
        _thread.start_new_thread(run, ())
    except RuntimeError:  # no thread can be had
        act()
        return
    done.acquire(timeout=LIMIT)


def _flush() -> None:
    # The audit goes on: there may be no such program, and then the process lives on.
    auditor = process.auditor
    if auditor is not None:
        auditor.flush()


def _before_calls() -> None:
    """Forked children leave by ``os._exit``; ``os.exec*`` replaces the program; ``signal.raise_signal`` is how a
    program ends itself by a signal whose default action it has asked for (uvicorn in a worker of gunicorn's)."""
    # Whatever arguments are wrong, it is Python's own function that says so.
    leave, replace, replace_in, raise_signal = os._exit, os.execv, os.execve, signal.raise_signal

    @wraps(leave)
    def _exit(*given: Any, **named: Any) -> NoReturn:
        if [type(one) for one in (*given, *named.values())] in ([int], [bool]):
            _elsewhere(process.stop)
        leave(*given, **named)

    @wraps(raise_signal)
    def raise_(*given: Any, **named: Any) -> None:
        if given and given[0] in _ENDING and signal.getsignal(given[0]) in (signal.SIG_DFL, _on_signal):
            _elsewhere(process.stop)
            if threading.current_thread() is threading.main_thread():
                _give_back_default_actions()
        raise_signal(*given, **named)

    @wraps(replace)
    def execv(*given: Any, **named: Any) -> NoReturn:
        _elsewhere(_flush)
        replace(*given, **named)

    @wraps(replace_in)
    def execve(*given: Any, **named: Any) -> NoReturn:
        _elsewhere(_flush)
        replace_in(*given, **named)

    os._exit, os.execv, os.execve, signal.raise_signal = _exit, execv, execve, raise_
