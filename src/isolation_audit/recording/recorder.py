"""The recorder: takes findings from monitors, keeps each distinct one once with its count, queues it for the sinks.

It never blocks the application: the one lock is held for dictionary work only, and sinks run on the drainer's thread.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from time import time as wall_clock
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.config.selection import Selection
from isolation_audit.foundation.wakeup import Wakeup
from isolation_audit.model.contexts import test_variable
from isolation_audit.model.findings import paired
from isolation_audit.model.rules import Severity
from isolation_audit.recording.occurrences import OCCURRENCES, Occurrence, running_work

if TYPE_CHECKING:
    from collections.abc import Hashable

    from isolation_audit.config.model import Limits, Select
    from isolation_audit.model.findings import Finding, Witnesses
    from isolation_audit.model.scopes import Scope

PAIRS: Final = 1_000
"""Pairs of users that are told apart in one finding."""

ALL_PAIRS: Final = 10_000
"""The same in all findings of a process together."""

AFFECTED: Final = 10_000
"""Users that are told apart as senders, and as receivers."""

TESTS: Final = 10_000
"""Tests that are told apart in one finding."""


WAITING: Final = 256
"""Ended scopes after which the sinks are fed at once: each needs about a kilobyte as long as it waits."""

LARGEST: Final = 8_000_000
"""Characters of all distinct findings together, after which further ones are counted only."""


@dataclass(slots=True, eq=False, repr=False)
class Entry:
    """One distinct finding with how often and when (Unix seconds) it was seen."""

    finding: Finding
    count: int
    first_seen: float
    last_seen: float
    pairs: dict[tuple[str, str], int] = field(default_factory=dict)
    """How often which two users met: the one whose work was running, or whose it should have been, and the other."""
    pairs_dropped: int = 0
    """Occurrences of further pairs."""
    tests: dict[str, int] = field(default_factory=dict)
    """How often it happened in which test, or in what that test had started."""

    def meet(self, witnesses: Witnesses, room: int) -> bool:
        """Count the two users of one more occurrence; True where they are a new pair, of which ``room`` more may be."""
        pair = witnesses.pair()
        if pair is None:
            return False
        known = self.pairs.get(pair)
        if known is None and (room <= 0 or len(self.pairs) >= PAIRS):
            self.pairs_dropped += 1
            return False
        self.pairs[pair] = (known or 0) + 1
        return known is None

    def as_dict(self) -> dict[str, Any]:
        """JSON form of ``report.json``, schema 1."""
        found = self.finding.as_dict(count=self.count, first_seen=self.first_seen, last_seen=self.last_seen)
        test = next(iter(self.tests), None)
        return {**found, **paired(self.pairs), **({} if test is None else {"test": test})}


class Recorder:
    """Deduplicates by fingerprint; bounded: further distinct findings beyond the limit are counted as dropped."""

    def __init__(self, limits: Limits, select: Select) -> None:
        self._limit = limits.findings
        self._selection = Selection(select)
        # Re-entrant: a garbage collection inside may run application code that is reported on this very thread.
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] = {}
        self._shortcuts: dict[Hashable, Entry] = {}
        self._room = ALL_PAIRS
        self.senders: set[str] = set()
        """Labels of the users whose data, object or event met another user, in findings of severity error."""
        self.receivers: set[str] = set()
        """Labels of the users whom it met."""
        self.takes_scopes = True
        """False where no way out has a use for ended scopes."""
        self.counts: Counter[str] = Counter()
        """Occurrences by rule, dropped ones included."""
        self.dropped = 0
        self.size = 0
        """Characters that the distinct findings hold."""
        self.scopes_dropped = 0
        self.scopes_overrun = 0
        """Those of them that no way out has seen."""
        self.new: deque[Entry] = deque(maxlen=limits.findings)
        """Distinct findings that the sinks have not seen yet."""
        self.scopes: deque[Scope] = deque(maxlen=limits.scopes)
        """Ended scopes that the sinks have not seen yet."""
        self._most_waiting = min(WAITING, limits.scopes // 2)
        self.takes_occurrences = False
        """True where a way out wants to know of each time that two users met, and not of the first one alone."""
        self.occurrences: deque[Occurrence] = deque(maxlen=OCCURRENCES)
        """Those times that the sinks have not seen yet."""
        self.occurrences_dropped = 0
        self.running_test: str | None = None
        """The test that runs in this process, for what no test has started itself, such as a server for all of them."""
        self.wake = Wakeup()
        """Set when there is something for the sinks."""

    def enabled(self, code: str) -> bool:
        """Whether findings of this rule are wanted at all."""
        return self._selection.enabled(code)

    def again(self, shortcut: Hashable, witnesses: Witnesses) -> Finding | None:
        """Count a finding that is known by the place it came from; None where it has to be described first."""
        entry = self._shortcuts.get(shortcut)
        if entry is None:
            return None
        with self._lock:
            self._count(entry, witnesses)
        return entry.finding

    def record(self, finding: Finding, shortcut: Hashable = None) -> None:
        """Keep or count one finding."""
        if not self.enabled(finding.rule):
            return
        now = wall_clock()
        severity = self._selection.severity(finding.rule, finding.severity)
        if severity is not finding.severity:
            finding = replace(finding, severity=severity)
        fingerprint = finding.fingerprint
        with self._lock:
            entry = self._entries.get(fingerprint)
            if entry is not None:
                self._count(entry, finding.witnesses)
                if finding.severity.rank > entry.finding.severity.rank:
                    # The same place, and worse than was known of it: that is what has to be read.
                    self.size += finding.size() - entry.finding.size()
                    entry.finding = finding
                    self.new.append(entry)
            elif len(self._entries) >= self._limit or self.size > LARGEST:
                self.counts[finding.rule] += 1
                self.dropped += 1
                return
            else:
                entry = self._entries[fingerprint] = Entry(finding, 1, now, now)
                self._room -= entry.meet(finding.witnesses, self._room)
                self._affect(finding, finding.witnesses)
                self.size += finding.size()
                self._count_test(entry)
                self.counts[finding.rule] += 1
                self.new.append(entry)
            if shortcut is not None and len(self._shortcuts) < 4 * self._limit:
                self._shortcuts[shortcut] = entry
        self.wake.set()

    def scope_ended(self, scope: Scope) -> None:
        """Queue an ended scope for the sinks; a full queue drops its oldest and counts it."""
        if not self.takes_scopes:
            return
        if len(self.scopes) == self.scopes.maxlen:
            self.scopes_dropped += 1
            self.scopes_overrun += 1
        self.scopes.append(scope)
        if len(self.scopes) == self._most_waiting:
            self.wake.set()

    def entries(self) -> list[Entry]:
        """All distinct findings so far, in the order in which they were first seen."""
        # Without the lock: one C call can't be interrupted, and a signal handler that stops the auditor may have come
        # while its own thread was recording.
        return list(self._entries.values())

    def _count(self, entry: Entry, witnesses: Witnesses) -> None:
        entry.count += 1
        self._room -= entry.meet(witnesses, self._room)
        self._affect(entry.finding, witnesses)
        self._count_test(entry)
        entry.last_seen = wall_clock()
        self.counts[entry.finding.rule] += 1

    def _affect(self, finding: Finding, witnesses: Witnesses) -> None:
        direction = None if finding.severity is Severity.NOTE else witnesses.direction()
        if direction is None:
            return
        if self.takes_occurrences:
            if len(self.occurrences) == OCCURRENCES:
                self.occurrences_dropped += 1
            self.occurrences.append(Occurrence(wall_clock(), finding, *direction, running_work()))
        if finding.severity is not Severity.ERROR:
            return
        for known, label in zip((self.senders, self.receivers), direction, strict=True):
            if len(known) < AFFECTED:
                known.add(label)

    def _count_test(self, entry: Entry) -> None:
        test = test_variable.get() or self.running_test
        if test is not None and (test in entry.tests or len(entry.tests) < TESTS):
            entry.tests[test] = entry.tests.get(test, 0) + 1
