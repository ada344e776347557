"""The source as gauges in a file, for the textfile collector of Prometheus's node exporter."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from isolation_audit.exceptions import MissingExtraError, UsageError
from isolation_audit.progress.source import NOWHERE
from isolation_audit.source.scan.outputs import write_output
from isolation_audit.source.scan.rules import RULES
from isolation_audit.source.scan.source import base_folder

try:
    from prometheus_client import CollectorRegistry, Gauge, generate_latest
except ImportError as error:
    raise MissingExtraError("the metrics file", "prometheus") from error

if TYPE_CHECKING:
    from pathlib import Path

    from isolation_audit.config import Config
    from isolation_audit.progress.source import Source

NAMES = tuple(
    [
        f"isolation_audit_source_{name}"
        for name in ("references", "files", "findings", "scanned_files", "scan_time_seconds")
    ]
)
"""The metrics of the file."""


def write(path: Path, config: Config, source: Source) -> None:
    """Write the file atomically. Every configured target and phase has a series, at 0 too; owners have none.

    Raises:
        UsageError: it can't be written, or leads out of the tree through a link.
    """
    try:
        write_output(path, generate_latest(_registry(config, source)).decode(), base_folder(config))
    except OSError as error:
        raise UsageError(f"can't write {path}: {error.strerror}") from None


def _registry(config: Config, source: Source) -> CollectorRegistry:
    registry = CollectorRegistry()
    of_references, of_files, of_findings, of_scanned, of_time = NAMES
    references = Gauge(
        of_references,
        "References to something deprecated that are left in the source.",
        ("target", "phase"),
        registry=registry,
    )
    files = Gauge(
        of_files,
        "Files that have such references.",
        ("target", "phase"),
        registry=registry,
    )
    findings = Gauge(of_findings, "Findings of the scan by rule.", ("rule",), registry=registry)
    scanned = Gauge(of_scanned, "Python files that were scanned.", registry=registry)
    time = Gauge(of_time, "When the source was scanned, Unix time.", registry=registry)
    counted = Counter((one.target, one.phase) for one in source.found)
    holding = Counter(
        (target, phase) for target, phase, _ in {(one.target, one.phase, one.file) for one in source.found}
    )
    targets = {str(entry.target) for entry in config.deprecations}
    for target in sorted(targets | {one.target for one in source.found if one.target}):
        for phase in dict.fromkeys([*dict(config.scan.phases), NOWHERE, *sorted({one.phase for one in source.found})]):
            references.labels(target, phase).set(counted[target, phase])
            files.labels(target, phase).set(holding[target, phase])
    rules = source.by_rule()
    for rule in RULES:
        findings.labels(rule).set(rules[rule])
    scanned.set(source.files)
    time.set(source.started)
    return registry
