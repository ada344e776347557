"""Report files as commands take them: a ``report.json``, or the folder that has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TypeVar

from isolation_audit.analysis.texts import harmless
from isolation_audit.exceptions import UsageError
from isolation_audit.export.report import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from isolation_audit.export.report import Report

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
        if file.stat().st_size > LARGEST:
            raise UsageError(f"{file} has more than {LARGEST} bytes; no report of isolation-audit has")
        report = harmless(json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse))
    except OSError as error:
        raise UsageError(f"can't read {file}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{file} is not JSON; a report is written by isolation-audit run --report DIR") from None
    schema = report.get("schema") if isinstance(report, dict) else None
    if type(schema) is int and schema != SCHEMA:
        raise UsageError(f"{file} is a report of schema {schema}, and this version reads schema {SCHEMA}")
    if schema == SCHEMA:
        try:
            return reading(report)
        except (LookupError, TypeError, ValueError, AttributeError):
            pass
    raise UsageError(f"{file} is no report of isolation-audit")


def _refuse(constant: str) -> None:
    raise ValueError(constant)
