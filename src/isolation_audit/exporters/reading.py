"""The report in a folder, of a run that has ended or of one that goes on: the one source that commands read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.exporters.foreign_reports import read
from isolation_audit.exporters.report import merge, parts

if TYPE_CHECKING:
    from pathlib import Path

    from isolation_audit.exporters.report import Report


def report_in(directory: Path) -> Report | None:
    """What the newest run has left in ``directory``: its report, or the parts of its processes put together.

    None where nothing is there.

    Raises:
        OSError, ValueError, RecursionError: what is there can't be read.
        LookupError, TypeError, AttributeError: it has not the form of a report.
    """
    whole = directory / "report.json"
    newest = max((directory / "processes").glob("*-*.json"), key=_written, default=None)
    if newest is None or (whole.is_file() and _written(whole) >= _written(newest)):
        if not whole.exists():
            return None
        report: Report = read(whole)
        return report
    run_id = newest.name.partition("-")[0]
    reports = parts(directory, run_id)
    readable = next((part for part in reports if part["tool"]), None)
    if readable is None:
        return None
    run = {key: value for key, value in readable["run"].items() if key != "processes"}
    return merge(reports, run, readable["tool"])


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it has been taken away meanwhile
        return 0.0
