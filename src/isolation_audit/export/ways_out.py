"""Which sinks a configuration asks for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isolation_audit.export.journal import JournalSink
from isolation_audit.export.report import ReportSink
from isolation_audit.export.terminal import TerminalSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.config.model import Config
    from isolation_audit.export.sink import Sink
    from isolation_audit.identity.pseudonyms import Pseudonyms


def configured_sinks(
    config: Config, *, run_id: str, pseudonyms: Pseudonyms, snapshot: Callable[[], dict[str, Any]], supervised: bool
) -> list[Sink]:
    """The sinks of one process, the cheapest and surest first.

    Raises:
        MissingExtraError: a way out is configured whose package is not installed.
    """
    sinks: list[Sink] = []
    directory = os.environ.get("ISOLATION_AUDIT_REPORT") or config.report.directory
    if directory is not None:
        sinks.append(ReportSink(Path(directory), run_id, config.select, supervised=supervised))
    if config.journal.path is not None:
        sinks.append(JournalSink(config.journal.path))
    if config.report.terminal:
        sinks.append(TerminalSink(config.report.color, summary=not supervised))
    if config.prometheus.port is not None and not supervised:
        from isolation_audit.export.prometheus import PrometheusSink

        sinks.append(PrometheusSink(config, snapshot))
    if config.otlp.endpoint is not None:
        from isolation_audit.export.otel import OtlpSink

        sinks.append(OtlpSink(config.otlp, pseudonyms, raw_ids=config.report.raw_ids))
    return sinks
