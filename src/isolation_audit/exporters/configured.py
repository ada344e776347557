"""Which ways out a configuration asks for: each exporter behind an entry point, ours like those of other packages.

An entry point of the group ``isolation_audit.exporters`` leads to a function that takes :class:`Settings` and gives a
sink, or None where the configuration does not ask for one. That of another package is loaded where the configuration
has its table, ``[exporters.NAME]``; NAME is the name of the entry point.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.exceptions import IsolationAuditError, UsageError
from isolation_audit.exporters.base import Settings
from isolation_audit.exporters.report import ReportSink
from isolation_audit.foundation.environment import REPORT_VARIABLE
from isolation_audit.foundation.plugins import EXPORTERS, Plugin, plugins

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.config.model import Config
    from isolation_audit.exporters.base import Sink
    from isolation_audit.model.pseudonyms import Pseudonyms


def report(settings: Settings) -> Sink | None:
    """``report.json``, where a folder for it is named."""
    directory = os.environ.get(REPORT_VARIABLE) or settings.config.report.directory
    if directory is None:
        return None
    return ReportSink(Path(directory), settings.run_id, settings.config.select, supervised=settings.supervised)


def journal(settings: Settings) -> Sink | None:
    """Findings, crossings and events as JSON lines, where a file for them is named."""
    config = settings.config.journal
    if config.path is None:
        return None
    from isolation_audit.exporters.journal import JournalSink

    return JournalSink(config.path, config, settings.pseudonyms, settings.run_id)


def terminal(settings: Settings) -> Sink | None:
    """Findings on standard error, unless that is switched off."""
    shown = settings.config.report
    if not shown.terminal:
        return None
    from isolation_audit.exporters.terminal import TerminalSink

    return TerminalSink(shown.color, summary=not settings.supervised)


def prometheus(settings: Settings) -> Sink | None:
    """``/metrics``, where a port is named; of several processes the supervisor has it."""
    if settings.config.prometheus.port is None or settings.supervised:
        return None
    from isolation_audit.exporters.prometheus import PrometheusSink

    return PrometheusSink(settings.config, settings.snapshot)


def otlp(settings: Settings) -> Sink | None:
    """Spans and log records, where a receiver is named."""
    if settings.config.otlp.endpoint is None:
        return None
    from isolation_audit.exporters.otel import OtlpSink

    return OtlpSink(settings.config.otlp, settings.pseudonyms, raw_ids=settings.config.report.raw_ids)


OURS: Final = {
    name: Plugin(name, f"{__name__}:{name}", EXPORTERS)
    for name in ("report", "journal", "terminal", "prometheus", "otlp")
}
"""The cheapest and surest first. Also there where the metadata of this package are missing, or an older version's."""


def configured_sinks(
    config: Config, *, run_id: str, pseudonyms: Pseudonyms, snapshot: Callable[[], dict[str, Any]], supervised: bool
) -> list[Sink]:
    """The sinks of one process, ours first.

    Raises:
        MissingExtraError: a way out is configured whose package is not installed.
        UsageError: an exporter of another package is configured and can't be had.
    """
    tables = {exporter.name: dict(exporter.options) for exporter in config.exporters}
    # Where none is asked for none is looked for: a forked child makes its sinks anew, in a fork hook.
    others = {one.name: one for one in plugins(EXPORTERS) if one.name not in OURS} if tables else {}
    for name in tables.keys() - others.keys():
        known = ", ".join(others) or "none"
        raise UsageError(f"exporters.{name}: no installed package has such an exporter (there is: {known})")
    sinks: list[Sink] = []
    for name, entry_point in {**OURS, **others}.items():
        if name in OURS or name in tables:
            settings = Settings(config, tables.get(name, {}), run_id, pseudonyms, snapshot, supervised)
            sink = _made(entry_point, settings)
            if sink is not None:
                sinks.append(sink)
    return sinks


def _made(entry_point: Plugin, settings: Settings) -> Sink | None:
    try:
        sink: Sink | None = entry_point.load()(settings)
    except IsolationAuditError:
        raise
    except Exception as error:
        if entry_point.name in OURS:
            raise
        raise UsageError(f"exporters.{entry_point.name}: {type(error).__name__}: {error}") from error
    return sink
