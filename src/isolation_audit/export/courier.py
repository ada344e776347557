"""The courier: brings records to a receiver on a thread of its own, so that nobody ever waits for the network.

The SDK's batch processors do this, too, but can't be told how long their shutdown may take; they drop records silently,
and they come back to life in forked children. Here the end is bounded, every failure is counted, and what a receiver
did not take is offered again.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from inspect import signature
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

QUEUE = 4_096
"""Records of one kind that wait at most; beyond it the oldest are given up and counted."""

BATCH = 512
"""Records in one request at most."""

ATTEMPTS = 8
"""How often one batch is offered; with the pauses in between that takes about a minute and a half."""

LONGEST_PAUSE = 30.0


class Exporter(Protocol):
    """What the OTLP exporters of spans and of log records have in common."""

    def export(self, batch: Any, /) -> Any:
        """Send a batch; gives an enum whose member ``SUCCESS`` says that it was taken."""

    def shutdown(self, **options: Any) -> None:
        """Let go of everything; an export under way is broken off."""


@dataclass(slots=True)
class Lane:
    """The records of one kind on their way."""

    waiting: deque[Any] = field(default_factory=deque)
    attempts: int = 0


class Courier:
    """Carries several lanes; the first one named goes first.

    ``connect`` makes one exporter a lane. It is called on the courier's thread when there is something to send, so that
    a process that only forks workers never opens a connection. ``on_trouble`` is told once, when delivery first fails.
    """

    def __init__(
        self, lanes: Iterable[str], connect: Callable[[], dict[str, Exporter]], on_trouble: Callable[[], None]
    ) -> None:
        self._lanes = {name: Lane() for name in lanes}
        self._connect = connect
        self._on_trouble = on_trouble
        self._exporters: dict[str, Exporter] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._rounds_failed = 0
        self._in_hand = 0
        self.failures = 0
        """Attempts to send a batch that failed."""
        self.lost = 0
        """Records that were given up."""
        self._thread = threading.Thread(target=self._run, name="isolation-audit-otlp", daemon=True)
        self._thread.start()

    def post(self, lane: str, record: Any) -> None:
        """Take one record; never waits."""
        with self._lock:
            waiting = self._lanes[lane].waiting
            if len(waiting) >= QUEUE:
                waiting.popleft()
                self.lost += 1
            waiting.append(record)
        self._wake.set()

    def close(self, timeout: float) -> None:
        """Offer what is left once, for at most ``timeout`` seconds, and end."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            # Breaks off the request under way. Should that not help: it is a daemon, and nobody waits for it.
            self._shut_down()
            self._thread.join(0.2)
        with self._lock:
            if self._thread.is_alive():
                self.lost += self._in_hand
            for lane in self._lanes.values():
                self.lost += len(lane.waiting)
                lane.waiting.clear()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            last = self._stopping.is_set()
            if self._round(last=last):
                self._rounds_failed = 0
            else:
                self._rounds_failed += 1
                if not last:
                    self._stopping.wait(min(2.0 ** (self._rounds_failed - 1), LONGEST_PAUSE))
                    self._wake.set()
            if last:
                self._shut_down()
                return

    def _round(self, *, last: bool) -> bool:
        """Send everything that waits; False when a lane got stuck."""
        clear = True
        for name, lane in self._lanes.items():
            while batch := self._take(lane):
                if self._export(name, batch):
                    lane.attempts = 0
                    continue
                clear = False
                self.failures += 1
                self._put_back(lane, batch, last=last)
                break
        return clear

    def _take(self, lane: Lane) -> list[Any]:
        with self._lock:
            batch = [lane.waiting.popleft() for _ in range(min(BATCH, len(lane.waiting)))]
            self._in_hand = len(batch)
            return batch

    def _put_back(self, lane: Lane, batch: list[Any], *, last: bool) -> None:
        if not last and self.failures == 1:
            self._on_trouble()
        lane.attempts += 1
        with self._lock:
            room = 0 if last or lane.attempts >= ATTEMPTS else QUEUE - len(lane.waiting)
            kept = batch[-room:] if room > 0 else []
            self.lost += len(batch) - len(kept)
            lane.waiting.extendleft(reversed(kept))
        if not kept:
            lane.attempts = 0

    def _export(self, name: str, batch: list[Any]) -> bool:
        try:
            if not self._exporters:
                self._exporters = self._connect()
            return bool(self._exporters[name].export(batch).name == "SUCCESS")
        except Exception:
            return False

    def _shut_down(self) -> None:
        for exporter in self._exporters.values():
            # Older gRPC exporters wait for the export under way, half a minute long, unless told otherwise.
            at_once = {"timeout_millis": 0} if "timeout_millis" in signature(exporter.shutdown).parameters else {}
            try:
                exporter.shutdown(**at_once)
            except Exception:  # noqa: S112 - it is let go of either way
                continue
