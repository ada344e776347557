"""The report in a folder, of a run that has ended or of one that goes on: the one source that commands read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from isolation_audit.exporters.report import merge, parts

if TYPE_CHECKING:
    from pathlib import Path

    from isolation_audit.exporters.report import Report


def report_in(directory: Path, refuse: Any = None) -> Report | None:
    """What the newest run has left in ``directory``: its report, or the parts of its processes put together.

    None where nothing is there. ``refuse`` is called with constants that JSON does not have.

    Raises:
        OSError, ValueError, RecursionError: what is there can't be read.
        LookupError, TypeError, AttributeError: it has not the form of a report.
    """
    whole = directory / "report.json"
    newest = max((directory / "processes").glob("*-*.json"), key=_written, default=None)
    if newest is None or (whole.is_file() and _written(whole) >= _written(newest)):
        if not whole.is_file():
            return None
        found: Report = json.loads(whole.read_text(encoding="utf-8"), parse_constant=refuse)
        return found
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
