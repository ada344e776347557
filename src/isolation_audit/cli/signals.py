"""Signals on their way through the supervisor to the program: each one arrives there once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_REACTION = 0.2
"""Seconds in which a signal to the whole process group has reached the canary as well."""


class Relay:
    """Passes signals on to the child, unless they were sent to the whole process group and so have reached it already.

    A terminal sends Ctrl-C to the group; ``kill`` sends to one process; a second SIGINT makes many servers give up
    their orderly shutdown. Who was meant can't be read from a signal, so a canary (``cat``, waiting for nothing) lives
    in the group: if the signal has ended it, the group was meant.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[Any] | None = None
        self._early: list[int] = []
        self._before: dict[int, Any] = {}
        self._canary: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Relay:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                # One that is ignored (nohup) stays so, here and in the child, which inherits that.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._received)
            self._canary = _new_canary()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        _end(self._canary)

    def to(self, child: subprocess.Popen[Any]) -> None:
        """From now on ``child`` gets the signals, and those that came before it was there."""
        self._child = child
        for number in self._early:
            child.send_signal(number)

    def _received(self, number: int, _frame: FrameType | None) -> None:
        if self._child is None:
            self._early.append(number)
        elif not self._group_was_meant():
            self._child.send_signal(number)

    def _group_was_meant(self) -> bool:
        canary = self._canary
        child = self._child
        if canary is None or child is None:
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
    program = shutil.which("cat")
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
