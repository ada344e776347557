"""Audits of single blocks: for tests that look at what was found, with any test runner."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, default_config, find_config, load_config, parse_config
from isolation_audit.model.rules import Severity
from isolation_audit.testing.texts import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.model.findings import Finding
    from isolation_audit.recording.recorder import Entry


class Audit:
    """What one audit has seen and found so far; all of it once its block is over."""

    def __init__(self, auditor: Auditor) -> None:
        self.auditor = auditor

    def found(self, *codes: str) -> list[Finding]:
        """The distinct findings of these rules (``IA202``, or ``IA2`` for all that begin so), or of every rule."""
        return [entry.finding for entry in self._entries(codes)]

    def counts(self, *codes: str) -> dict[str, int]:
        """How often each of these rules has reported, repetitions included."""
        counts: dict[str, int] = {}
        for entry in self._entries(codes):
            counts[entry.finding.rule] = counts.get(entry.finding.rule, 0) + entry.count
        return counts

    def report(self) -> dict[str, Any]:
        """The report: see docs/reference/report.md."""
        return self.auditor.snapshot()

    def assert_nothing_found(self, severity: Literal["error", "warning", "note"] = "error") -> None:
        """Fail where there is a finding of this severity or a worse one.

        Raises:
            AssertionError: with the findings in full, as the terminal shows them.
        """
        least = Severity(severity).rank
        entries = [entry for entry in self._entries(()) if entry.finding.severity.rank >= least]
        if entries:
            raise AssertionError(told(entries))

    def _entries(self, codes: tuple[str, ...]) -> list[Entry]:
        self.auditor.settle()
        entries = self.auditor.recorder.entries()
        return [entry for entry in entries if not codes or entry.finding.rule.startswith(codes)]


@contextmanager
def audited(
    config: Config | Mapping[str, Any] | str | Path | None = None,
    *,
    depth: Literal["calls", "state", "heap"] | None = None,
) -> Iterator[Audit]:
    """Audit a block::

        with audited("isolation-audit.toml") as audit:
            asyncio.run(two_users_at_once())
        audit.assert_nothing_found()

    ``config`` is a path, a mapping with what such a file would have, a ``Config``, or None for the file that is found
    from the working directory, or else no configuration. ``depth`` takes the place of ``audit.depth``. Nothing is
    written and nothing is sent, whatever the configuration says.

    Raises:
        ConfigError: the configuration can't be used; the message has every problem.
        UsageError: another audit runs in this process, such as that of ``pytest --audit-isolation``.
    """
    chosen = _config(config)
    if depth is not None:
        chosen = replace(chosen, audit=replace(chosen.audit, depth=depth))
    with Auditor(chosen) as auditor:
        yield Audit(auditor)


def _config(given: Config | Mapping[str, Any] | str | Path | None) -> Config:
    if isinstance(given, Config):
        return given
    if isinstance(given, Mapping):
        return parse_config(dict(given))
    path = find_config() if given is None else Path(given)
    return default_config() if path is None else load_config(path)
