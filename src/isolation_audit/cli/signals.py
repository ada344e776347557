"""Signals on their way through the supervisor to the program: each one arrives there once."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from isolation_audit.cli.program import on_path
from isolation_audit.foundation.wakeup import Wakeup

if TYPE_CHECKING:
    from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_REACTION = 0.2
"""Seconds in which a signal to the whole process group has reached the canary as well."""

_LONG = 3600.0


class Relay:
    """Passes signals on to the child, unless they were sent to the whole process group and so have reached it already.

    A terminal sends Ctrl-C to the group; ``kill`` sends to one process; a second SIGINT makes many servers give up
    their orderly shutdown. Who was meant can't be read from a signal, so a canary (``cat``, waiting for nothing) lives
    in the group: if the signal has ended it, the group was meant.

    The handlers only note the signal and wake a thread, which looks at the canary and passes the signal on: a handler
    may have interrupted anything, also the wait for the child with its lock.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[Any] | None = None
        self._received: deque[int] = deque()
        self._news = Wakeup()
        self._over = False
        self._before: dict[int, Any] = {}
        self._canary: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._pass_on, name="isolation-audit-signals", daemon=True)

    def __enter__(self) -> Relay:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                # One that is ignored (nohup) stays so, here and in the child, which inherits that.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._on_signal)
            self._canary = _new_canary()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._over = True
        self._news.set()
        if self._child is not None:
            self._thread.join()
        _end(self._canary)

    def to(self, child: subprocess.Popen[Any]) -> None:
        """From now on ``child`` gets the signals, and those that came before it was there."""
        self._child = child
        for _ in range(len(self._received)):
            child.send_signal(self._received.popleft())
        self._thread.start()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._received.append(number)
        self._news.set()

    def _pass_on(self) -> None:
        while not self._over:
            self._news.wait(_LONG)
            while self._received:
                number = self._received.popleft()
                if self._child is not None and not self._group_was_meant(self._child):
                    self._child.send_signal(number)

    def _group_was_meant(self, child: subprocess.Popen[Any]) -> bool:
        canary = self._canary
        if canary is None:
            return False
        try:
            canary.wait(_REACTION)
        except subprocess.TimeoutExpired:
            return False
        self._canary = _new_canary()
        try:
            # A child that has left the group got nothing.
            return os.getpgid(child.pid) == os.getpgrp()
        except ProcessLookupError:
            return True


def _new_canary() -> subprocess.Popen[bytes] | None:
    program = on_path("cat")
    if program is None:
        return None
    with suppress(OSError):
        null = subprocess.DEVNULL
        return subprocess.Popen([program], stdin=subprocess.PIPE, stdout=null, stderr=null)  # noqa: S603 - found above
    return None


def _end(canary: subprocess.Popen[bytes] | None) -> None:
    if canary is None:
        return
    if canary.stdin is not None:
        canary.stdin.close()
    canary.wait()
