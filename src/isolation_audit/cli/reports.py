"""Reports as commands take them: a ``report.json``, the folder that has it, or the folder of a run that goes on."""

from __future__ import annotations

import json
from errno import ENOENT
from typing import TYPE_CHECKING, Any, Final, TypeVar

from isolation_audit.analysis.texts import harmless
from isolation_audit.exceptions import UsageError
from isolation_audit.exporters.reading import report_in
from isolation_audit.exporters.report import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from isolation_audit.exporters.report import Report

_Reading = TypeVar("_Reading")

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a report; one of ours has a tenth of that at most."""


def read_report(path: Path, reading: Callable[[Report], _Reading]) -> _Reading:
    """What ``reading`` makes of the report at ``path``; it may raise what a wrong form makes it raise.

    Raises:
        UsageError: there is none, or it has another form.
    """
    file = path / "report.json" if path.is_dir() else path
    try:
        report = harmless(_content(path))
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
            return reading(report)
        except (LookupError, TypeError, ValueError, AttributeError):
            pass
    raise UsageError(f"{file} is no report of isolation-audit")


def _content(path: Path) -> Any:
    file = path / "report.json" if path.is_dir() else path
    if file.exists() and not file.is_file():
        raise UsageError(f"{file} is not a regular file; copy its content to one, and name that")
    if file.is_file() and file.stat().st_size > LARGEST:
        raise UsageError(f"{file} has more than {LARGEST} bytes; no report of isolation-audit has")
    if not path.is_dir():
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    report = report_in(path, _refuse)
    if report is None:
        raise FileNotFoundError(ENOENT, "No such file or directory")
    return report


def _refuse(constant: str) -> None:
    raise ValueError(constant)
