"""Checks that are tests of ``make test``: for whoever wants to see all rules in one go."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

from grafana.checks.files import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SAME_OVER_BOTH: Final = ("tests/exporters/test_rotel.py",)
SARIF_AND_XDIST: Final = (
    "tests/source/scan/test_sarif.py",
    "tests/test_pytest_plugin.py::test_xdist_finds_what_a_serial_run_finds",
)


def protocols_say_the_same() -> Iterator[str]:
    """15. OTLP over gRPC and over HTTP give identical spans and logs; no deprecated attribute."""
    return _failures(SAME_OVER_BOTH)


def sarif_is_valid_and_workers_find_the_same() -> Iterator[str]:
    """18. SARIF is what its schema says; findings under xdist equal the serial run's."""
    return _failures(SARIF_AND_XDIST)


def _failures(names: tuple[str, ...]) -> Iterator[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    if done.returncode or "skipped" in last:
        yield done.stdout[-2000:]
