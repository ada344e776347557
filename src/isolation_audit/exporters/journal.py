"""The journal: findings, crossings and events, one JSON object a line, appended as they happen.

``isolation-audit investigate`` reads it, and so does whatever reads JSON lines. See docs/reference/journal.md.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from isolation_audit._version import __version__
from isolation_audit.analysis.texts import printable, shown
from isolation_audit.exporters.journal_file import JournalFile
from isolation_audit.exporters.journal_lines import SCHEMA, line
from isolation_audit.exporters.notices import notice
from isolation_audit.model.scopes import SYSTEM_USER
from isolation_audit.model.spans import identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from isolation_audit.config.outputs import Journal
    from isolation_audit.exporters.base import Batch
    from isolation_audit.model.pseudonyms import Pseudonyms
    from isolation_audit.model.scopes import Scope
    from isolation_audit.recording.occurrences import Occurrence

Record = dict[str, Any]

_PIECE: Final = 100
"""Records that are made, and written, at once."""

_STEP: Final = 1.0
"""Seconds by which the clock may drift between two batches before that is written down."""

_SAME_KEY: Final = "\0journal"
"""What is hashed to tell whether two journals have pseudonyms of one key."""


class JournalSink:
    """Writes on its own thread. A pipe that nobody reads, a full disk or a folder that can't be written to cost lines,
    which are counted, and never hold anything up."""

    name = "journal"
    takes_occurrences = True

    def __init__(self, path: Path, config: Journal, pseudonyms: Pseudonyms, run_id: str) -> None:
        self._path = path
        self.takes_scopes = config.events
        self._pseudonyms = pseudonyms
        self._run_id = run_id
        self._file = JournalFile(path, size=config.size, keep=config.keep)
        self._worker = secrets.token_hex(4)
        self._seq = 0
        self._clock = time.time() - time.monotonic()
        self.exports = {"failures": 0, "lost": 0}
        """Attempts to write that failed, and lines that were given up."""

    def drain(self, batch: Batch) -> None:
        """Append what is new."""
        records = self._records(batch)
        first = next(records, None)
        if first is None:
            return
        records = chain(self._step(), (first,), records)
        while piece := list(islice(records, _PIECE)):
            self._append(piece)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _records(self, batch: Batch) -> Iterator[Record]:
        """One after the other: all of them at once would need several times the memory of what waits."""
        for entry in batch.entries:
            yield {"kind": "finding", "at": entry.last_seen, **entry.as_dict()}
        for one in batch.occurrences:
            yield self._crossing(one)
        if self.takes_scopes:
            for scope in batch.scopes:
                yield from self._work(scope)
        lost = batch.dropped + (batch.scopes_dropped if self.takes_scopes else 0)
        if lost:
            self.exports["lost"] += lost
            yield {"kind": "lost", "at": time.time(), "records": lost}

    def _append(self, records: list[Record]) -> None:
        try:
            head = [self._line(self._start())] if self._file.open() else []
        except OSError as error:
            self._seq += len(records)  # a gap for who reads
            self._lose(len(records), error.strerror)
            return
        lines = [*head, *(self._line(record) for record in records)]
        lost = len(lines) - self._file.append(lines)
        if lost:
            self._lose(min(lost, len(records)), self._file.trouble)
        self._file.exchange()

    def _lose(self, lines: int, reason: str | None) -> None:
        self.exports["lost"] += lines
        self.exports["failures"] += 1
        if self.exports["failures"] == 1:
            notice(f"the journal {self._path} can't be written ({reason}); the application goes on, attempts too")

    def _line(self, record: Record) -> bytes:
        self._seq += 1
        return line({**record, "worker": self._worker, "seq": self._seq})

    def _start(self) -> Record:
        """Who writes: at the beginning of each file, since the one before may be gone."""
        return {
            "kind": "start",
            "at": time.time(),
            "schema": SCHEMA,
            "host": printable(socket.gethostname()),
            "pid": os.getpid(),
            "session": self._run_id,
            "key": self._pseudonyms.hash(_SAME_KEY),
            "version": __version__,
        }

    def _step(self) -> Iterator[Record]:
        """That the clock was set meanwhile: times before and after can't be compared."""
        clock = time.time() - time.monotonic()
        step, self._clock = clock - self._clock, clock
        if abs(step) > _STEP:
            yield {"kind": "clock", "at": time.time(), "step": round(step, 3)}

    def _crossing(self, one: Occurrence) -> Record:
        finding, site = one.finding, one.finding.site
        return {
            "kind": "crossing",
            "at": one.at,
            "rule": finding.rule,
            "severity": finding.severity.value,
            "fingerprint": finding.fingerprint,
            "sender": one.sender,
            "receiver": one.receiver,
            "route": " ".join(filter(None, (finding.method, finding.route))) or None,
            "target": finding.target,
            "event": finding.event,
            "place": None if site is None else f"{site.top.file}:{site.top.line} in {site.top.function}",
            **self._place(one.work),
        }

    def _work(self, scope: Scope) -> Iterator[Record]:
        """A piece of work that has ended: its events, then itself."""
        place = {"user": self._user(scope.user_id), **self._place(scope)}
        for happening in scope.happened or ():
            layer = happening.attributes.get("isolation_audit.layer")
            if layer is not None:  # else it is a finding, which has been written
                event = shown(happening.attributes["isolation_audit.event"], 100)
                yield {"kind": "event", "at": happening.at / 1e9, "event": event, "layer": layer, **place}
        yield {
            "kind": "unit",
            "at": scope.ended / 1e9,
            "began": scope.started / 1e9,
            "name": shown(scope.name, 200),
            "events": scope.events,
            "crossings": scope.crossings,
            "failed": scope.failed,
            **place,
        }

    def _place(self, work: Scope | None) -> Record:
        """The run, and the unit of work as its span is called."""
        if work is None:
            return {"run": None, "unit": None, "trace": None}
        span = identity(work)
        run = next((one.ids["run_id"] for one in _outwards(work) if isinstance(one.ids.get("run_id"), str)), None)
        return {
            "run": None if run is None else self._pseudonyms.run(str.__str__(run)),
            "unit": f"{span.span_id:016x}",
            "trace": f"{span.trace_id:032x}",
        }

    def _user(self, user_id: str) -> str | None:
        if user_id == SYSTEM_USER:
            return "system"
        return self._pseudonyms.text(str.__str__(user_id)) if user_id else None


def _outwards(scope: Scope) -> Iterator[Scope]:
    one: Scope | None = scope
    while one is not None:
        yield one
        one = one.parent
