"""Journals as workers write them."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from isolation_audit.exporters.journal_lines import line

if TYPE_CHECKING:
    from pathlib import Path

DAY = 1_780_000_000.0


class Writer:
    """One worker's lines."""

    def __init__(self, path: Path, worker: str, key: str = "k1", host: str = "one") -> None:
        self._path = path
        self._worker = worker
        self._seq = count(1)
        self.write("start", schema=1, host=host, pid=7, session="s", key=key, version="1")

    def write(self, kind: str, at: float = 0.0, **more: Any) -> None:
        record = {"kind": kind, "at": DAY + at, **more, "worker": self._worker, "seq": next(self._seq)}
        with self._path.open("ab") as file:
            file.write(line(record))

    def lose(self) -> None:
        """A line that could not be written."""
        next(self._seq)

    def crossing(self, sender: str, receiver: str, at: float, **more: Any) -> None:
        told = {"rule": "IA202", "severity": "error", "fingerprint": "f1", "route": "GET /x", "target": "shop:Emitter"}
        told |= {"event": "answer", "place": "shop.py:3 in ask", "run": None, "unit": None, "trace": None}
        self.write("crossing", at, sender=sender, receiver=receiver, **{**told, **more})

    def events(self, unit: str, user: str, number: int) -> None:
        for at in range(number):
            self.write("event", at, event="answer", layer="emitter", user=user, run=None, unit=unit, trace=None)
