"""The drainer: one daemon thread that carries findings and scopes to the sinks, off the application's path."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from isolation_audit.export.sink import Batch

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from isolation_audit.export.sink import Sink
    from isolation_audit.instrument.barrier import Barrier
    from isolation_audit.recorder import Recorder

INTERVAL = 0.5
"""Seconds between two looks when nothing is new."""

PAUSE = 0.05
"""Seconds to wait after news, so that a burst of findings is written once."""


class Drainer:
    """Feeds the sinks until it is stopped; a sink that fails is counted and, after its allowance, dropped."""

    def __init__(
        self,
        recorder: Recorder,
        barrier: Barrier,
        sinks: list[Sink],
        snapshot: Callable[[], dict[str, Any]],
        refresh: Callable[[], None],
    ) -> None:
        self._recorder = recorder
        self._barrier = barrier
        self._sinks = sinks
        self._snapshot = snapshot
        self._refresh = refresh
        self._stopping = threading.Event()
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="isolation-audit", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop the thread, drain what is left and close the sinks; waits at most ``timeout`` seconds for a hanging one."""
        self._stopping.set()
        self._recorder.wake.set()
        if self._thread is not None:
            self._thread.join(timeout)
        # A thread of its own again: a sink whose receiver hangs must not hold up the application's exit.
        closing = threading.Thread(target=self._finish, name="isolation-audit-exit", daemon=True)
        try:
            closing.start()
        except RuntimeError:
            # The interpreter is already past the point where threads can start.
            self._finish()
            return
        closing.join(timeout)

    def flush(self) -> None:
        """Drain once, on the calling thread."""
        self._drain(last=False)

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._recorder.wake.wait(INTERVAL):
                self._stopping.wait(PAUSE)
                self._recorder.wake.clear()
            try:
                self._refresh()
            except Exception as error:
                self._barrier.fault("refresh", error)
            self._drain(last=False)

    def _finish(self) -> None:
        self._drain(last=True)
        for sink in self._sinks:
            try:
                sink.close()
            except Exception as error:
                self._barrier.fault(f"sink {sink.name}", error)

    def _drain(self, *, last: bool) -> None:
        with self._lock:
            batch = Batch(_take(self._recorder.new), _take(self._recorder.scopes), self._snapshot, last)
            for sink in list(self._sinks):
                try:
                    sink.drain(batch)
                except Exception as error:
                    if self._barrier.fault(f"sink {sink.name}", error):
                        self._sinks.remove(sink)


def _take(queue: deque[Any]) -> list[Any]:
    taken = []
    while queue:
        taken.append(queue.popleft())
    return taken
