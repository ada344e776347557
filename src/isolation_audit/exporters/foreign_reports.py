"""A report as a file that somebody else may have written, or put something else in the place of."""

from __future__ import annotations

import os
import stat
from errno import EFBIG, EINVAL
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.foreign_json import parsed
from isolation_audit.analysis.texts import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a report; one of ours has a tenth of that at most."""

_MEASURED: Final = "service_levels"
"""Sums of seconds, by the application's clock: the only figures that are no counts."""


def read(path: Path) -> Any:
    """The JSON of a regular file, with texts that can be shown. A pipe or a device is not waited for.

    Raises:
        OSError: it can't be read, is no regular file, or has more than ``LARGEST`` bytes.
        ValueError, RecursionError: it is not JSON.
    """
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:  # noqa: PTH123 - of a descriptor
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(EINVAL, "it is not a regular file")
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise OSError(EFBIG, f"it has more than {LARGEST} bytes, and no report of isolation-audit has")
    return harmless(parsed(data))


def check_counts(report: dict[str, Any]) -> None:
    """Look for counts below nothing: where reports are added up, they would hide what others have counted.

    Raises:
        ValueError: there is one.
        LookupError, TypeError, AttributeError: it has not the form of a report.
    """
    summary = {name: figure for name, figure in report["summary"].items() if name != _MEASURED}
    counts = [finding["count"] for finding in report["findings"]]
    if any(number < 0 for number in _numbers([summary, report.get("coverage"), report["targets"], counts])):
        raise ValueError("a count is less than nothing")


def _numbers(value: Any) -> Iterable[float]:
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, int | float):
        yield value
