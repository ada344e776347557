"""The courier: brings records to a receiver in the background, so that nobody ever waits for the network.

The SDK's batch processors do this, too, but can't be told how long their shutdown may take; they drop records silently,
and they come back to life in forked children. Here the end is bounded, every failure is counted, and what a receiver
did not take is offered again.
"""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any, Protocol

from isolation_audit.exporters.background import Backlog, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

QUEUE = 2_048
"""Records of one kind that wait at most; beyond it the oldest are given up and counted."""

BATCH = 128
"""Records in one request at most: a span of the SDK needs about 6 KB until it is sent."""

ATTEMPTS = 8
"""How often one batch is offered; with the pauses in between that takes about a minute and a half."""

LONGEST_PAUSE = 30.0


class Exporter(Protocol):
    """What the OTLP exporters of spans and of log records have in common."""

    def export(self, batch: Any, /) -> Any:
        """Send a batch; gives an enum whose member ``SUCCESS`` says that it was taken."""

    def shutdown(self, **options: Any) -> None:
        """Let go of everything; an export under way is broken off."""


class Pending:
    """The records of one kind on their way."""

    __slots__ = ("attempts", "waiting")

    def __init__(self) -> None:
        self.waiting: Backlog[Any] = Backlog(QUEUE)
        self.attempts = 0


class Delivery:
    """Carries several lanes; the first one named goes first.

    ``connect`` makes one exporter a lane. It is called on the courier's thread when there is something to send, so that
    a process that only forks workers never opens a connection. ``on_trouble`` is told once, when delivery first fails.
    """

    def __init__(
        self, lanes: Iterable[str], connect: Callable[[], dict[str, Exporter]], on_trouble: Callable[[], None]
    ) -> None:
        self._lanes = {name: Pending() for name in lanes}
        self._connect = connect
        self._on_trouble = on_trouble
        self._exporters: dict[str, Exporter] = {}
        self._in_hand = 0
        self._shut = False
        self._broken_off = 0
        self.failures = 0
        """Attempts to send a batch that failed."""
        self._worker = Worker(
            self._round,
            finish=self._shut_down,
            break_off=self._shut_down,
            pauses=(1.0, LONGEST_PAUSE),
        )
        self._worker.start()

    @property
    def lost(self) -> int:
        """Records that were given up."""
        return self._broken_off + sum(lane.waiting.lost for lane in self._lanes.values())

    def post(self, lane: str, record: Any) -> None:
        """Take one record; never waits."""
        self._lanes[lane].waiting.put(record)
        self._worker.wake()

    def close(self, timeout: float) -> None:
        """Offer what is left once, for at most ``timeout`` seconds, and end."""
        if not self._worker.end(timeout):
            self._broken_off = self._in_hand
        for lane in self._lanes.values():
            lane.waiting.give_up()

    def _round(self) -> bool:
        """Send everything that waits; False when a lane got stuck."""
        last, clear = self._worker.ending, True
        for name, lane in self._lanes.items():
            while batch := lane.waiting.take(BATCH):
                self._in_hand = len(batch)
                if self._export(name, batch):
                    lane.attempts = 0
                    continue
                clear = False
                self.failures += 1
                self._put_back(lane, batch, last=last)
                break
        return clear

    def _put_back(self, lane: Pending, batch: list[Any], *, last: bool) -> None:
        if not last and self.failures == 1:
            self._on_trouble()
        lane.attempts += 1
        if last or lane.attempts >= ATTEMPTS:
            lane.waiting.lost += len(batch)
            lane.attempts = 0
        else:
            lane.waiting.put_back(batch)

    def _export(self, name: str, batch: list[Any]) -> bool:
        try:
            if not self._exporters:
                self._exporters = self._connect()
            return bool(self._exporters[name].export(batch).name == "SUCCESS")
        except Exception:
            return False

    def _shut_down(self) -> None:
        """Once: of a second time the exporters would complain in the application's log."""
        if self._shut:
            return
        self._shut = True
        for exporter in self._exporters.values():
            # Older gRPC exporters wait for the export under way, half a minute long, unless told otherwise.
            at_once = {"timeout_millis": 0} if "timeout_millis" in signature(exporter.shutdown).parameters else {}
            try:
                exporter.shutdown(**at_once)
            except Exception:  # noqa: S112 - it is let go of either way
                continue
