"""Starts the auditor from the environment, at interpreter start: used by ``isolation-audit run`` and by the installed .pth.

``ISOLATION_AUDIT=1`` switches it on. Whatever goes wrong is one line on standard error: the application starts anyway.
"""

from __future__ import annotations

import os
import signal
import sys
import sysconfig
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from isolation_audit.auditor import instrument, uninstrument
from isolation_audit.exceptions import IsolationAuditError

if TYPE_CHECKING:
    from types import FrameType

SWITCH = "ISOLATION_AUDIT"
PTH_NAME = "isolation_audit_activate.pth"

_PTH_LINE = (
    f"import os; os.environ.get('{SWITCH}') and __import__('isolation_audit.activate').activate.from_environment()\n"
)


def from_environment() -> None:
    """Start the auditor if ``ISOLATION_AUDIT`` asks for it; never raises."""
    if os.environ.get(SWITCH, "").lower() not in ("1", "true", "yes", "on") or _is_our_own_command():
        return
    start()
    if os.environ.get("ISOLATION_AUDIT_SUPERVISED") == "1":
        _flush_on_sigterm()


def start() -> None:
    """Start the auditor; a mistake in its configuration is printed, and the application goes on unaudited."""
    try:
        instrument()
    except IsolationAuditError as error:
        for line in str(error).splitlines():
            print(f"isolation-audit: not active: {line}", file=sys.stderr)
    except Exception as error:
        print(f"isolation-audit: not active: {type(error).__name__}: {error}", file=sys.stderr)


def _is_our_own_command() -> bool:
    # At this moment sys.argv is not set yet; the interpreter's own command line is.
    words = sys.orig_argv[1:]
    return any(Path(word).name == "isolation-audit" for word in words[:2]) or words[:2] == ["-m", "isolation_audit"]


def _flush_on_sigterm() -> None:
    """Write the report before SIGTERM's default action ends the process, where the application leaves it at that.

    An application's own handler replaces this one; one that hands the signal back to the default (as uvicorn does after
    its shutdown) hands it to this one.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        return

    def flush(number: int, _frame: FrameType | None) -> None:
        uninstrument()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    signal.signal(signal.SIGTERM, flush)


def pth_file() -> Path:
    """Where the .pth of this environment is, or would be."""
    return Path(sysconfig.get_path("purelib")) / PTH_NAME


def install() -> Path:
    """Put the .pth into this environment; from then on ``ISOLATION_AUDIT=1`` is enough.

    Raises:
        OSError: the environment can't be written to.
    """
    path = pth_file()
    path.write_text(_PTH_LINE, encoding="utf-8")
    return path


def remove() -> bool:
    """Take the .pth out of this environment again; False when there was none.

    Raises:
        OSError: the environment can't be written to.
    """
    path = pth_file()
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed
