"""Reports as commands take them: a ``report.json``, the folder that has it, or the folder of a run that goes on."""

from __future__ import annotations

from errno import ENOENT
from typing import TYPE_CHECKING, Any, TypeVar

from isolation_audit.exceptions import UsageError
from isolation_audit.exporters.foreign_reports import check_counts, read
from isolation_audit.exporters.reading import report_in
from isolation_audit.exporters.report import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from isolation_audit.exporters.report import Report

_Reading = TypeVar("_Reading")


def read_report(path: Path, reading: Callable[[Report], _Reading]) -> _Reading:
    """What ``reading`` makes of the report at ``path``; it may raise what a wrong form makes it raise.

    Raises:
        UsageError: there is none, or it has another form.
    """
    file = path / "report.json" if path.is_dir() else path
    try:
        report = _content(path)
    except OSError as error:
        raise UsageError(f"can't read {file}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{file} is not JSON; a report is written by isolation-audit run --report DIR") from None
    except (LookupError, TypeError, AttributeError):
        raise UsageError(f"the parts of a run in {path / 'processes'} are no reports of isolation-audit") from None
    schema = report.get("schema") if isinstance(report, dict) else None
    if type(schema) is int and schema != SCHEMA:
        raise UsageError(f"{file} is a report of schema {schema}, and this version reads schema {SCHEMA}")
    if schema == SCHEMA:
        try:
            check_counts(report)
            return reading(report)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
            pass
    raise UsageError(f"{file} is no report of isolation-audit")


def _content(path: Path) -> Any:
    if not path.is_dir():
        return read(path)
    report = report_in(path)
    if report is None:
        raise FileNotFoundError(ENOENT, "No such file or directory")
    return report
