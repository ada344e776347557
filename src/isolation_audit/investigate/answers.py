"""What an investigation has found out. Times are Unix seconds, users and runs as the journals call them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Exposure:
    """``receiver`` could have seen data of ``sender``."""

    sender: str
    receiver: str
    times: int
    first: float
    last: float
    first_run: str | None
    """The run in which it happened first, where one is known."""
    first_trace: str | None
    events: int | None
    """Events of the pieces of work in which it happened: of these, the receiver may have seen each one. None where the
    journals have no events."""


@dataclass(frozen=True, slots=True)
class DataPath:
    """By which way it happened: one finding, as far as who met whom is left aside."""

    fingerprint: str
    rule: str
    severity: str
    target: str | None
    event: str | None
    route: str | None
    place: str | None
    times: int
    pairs: int
    first: float
    last: float
    first_run: str | None


@dataclass(frozen=True, slots=True)
class Worker:
    """What a process has left in the journals."""

    worker: str
    host: str | None
    pid: int | None
    key: str | None
    lines: int
    missing: int
    """Lines between its first and its last that are not there."""
    lost: int
    """Records that it had to give up before they became lines."""
    clock_steps: int
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Mark:
    """One crossing, for the timeline."""

    sender: str
    receiver: str
    at: float
    severity: str
    rule: str


@dataclass(frozen=True, slots=True)
class Answers:
    """All of it."""

    exposures: tuple[Exposure, ...]
    """Those that happened first at the front."""
    paths: tuple[DataPath, ...]
    workers: tuple[Worker, ...]
    marks: tuple[Mark, ...]
    damaged: int = 0
    """Lines that were cut or changed."""

    @property
    def senders(self) -> int:
        """Users whose data others could have seen."""
        return len({one.sender for one in self.exposures})

    @property
    def receivers(self) -> int:
        """Users who could have seen others' data."""
        return len({one.receiver for one in self.exposures})

    @property
    def keys(self) -> int:
        """How many keys the pseudonyms were made with; of several, users can't be put together."""
        return len({worker.key for worker in self.workers if worker.key})

    def doubts(self) -> list[str]:
        """What is to be said of how far the answers can be trusted."""
        told = []
        if self.keys > 1:
            told.append(
                f"{self.keys} different keys: one user has a different pseudonym in each, so set ISOLATION_AUDIT_KEY"
            )
        missing, lost = (sum(getattr(worker, name) for worker in self.workers) for name in ("missing", "lost"))
        if self.damaged:
            told.append(f"{self.damaged:,} line(s) were cut or damaged, and are left out")
        if missing:
            told.append(f"{missing:,} line(s) are missing: they could not be written, or were cut")
        if lost:
            told.append(f"{lost:,} record(s) came too fast to be written")
        if any(worker.clock_steps for worker in self.workers):
            told.append("a clock was set while it was written: times before and after are not comparable")
        return told

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "schema": 1,
            "senders": self.senders,
            "receivers": self.receivers,
            **{name: [dataclasses.asdict(one) for one in getattr(self, name)] for name in ("exposures", "paths")},
            "workers": [dataclasses.asdict(worker) for worker in self.workers],
            "damaged": self.damaged,
            "doubts": self.doubts(),
        }
