"""Starts the auditor from the environment, at interpreter start: for ``isolation-audit run`` and the installed .pth.

``ISOLATION_AUDIT=1`` switches it on. Whatever goes wrong is one line on standard error: the application starts anyway.
"""

from __future__ import annotations

import os
import secrets
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

from isolation_audit.auditor import RUN_VARIABLE, current, instrument
from isolation_audit.ending import write_reports_first
from isolation_audit.exceptions import IsolationAuditError
from isolation_audit.identity.pseudonyms import KEY_VARIABLE

SWITCH = "ISOLATION_AUDIT"
PTH_NAME = "isolation_audit_activate.pth"

_PTH_LINE = (
    f"import os; os.environ.get('{SWITCH}') and __import__('isolation_audit.activate').activate.from_environment()\n"
)


class _State:
    asked = False


_state = _State()


def from_environment() -> None:
    """Start the auditor if ``ISOLATION_AUDIT`` asks for it; never raises."""
    # Python 3.11 reads the .pth files of a virtual environment twice.
    if _state.asked:
        return
    _state.asked = True
    if os.environ.get(SWITCH, "").lower() not in ("1", "true", "yes", "on") or _is_our_own_command():
        return
    # Processes that this one starts inherit both: their parts join one report and call a user by the same pseudonym.
    os.environ.setdefault(RUN_VARIABLE, secrets.token_hex(6))
    os.environ.setdefault(KEY_VARIABLE, secrets.token_hex(16))
    start()
    if current() is not None:
        write_reports_first()


def start() -> None:
    """Start the auditor; a mistake in its configuration is printed, and the application goes on unaudited."""
    try:
        instrument()
    except IsolationAuditError as error:
        for line in str(error).splitlines():
            _say(line)
    except Exception as error:
        _say(f"{type(error).__name__}: {error}")


def _say(line: str) -> None:
    if sys.stderr is not None:  # else print() would take standard output, which is the application's
        with suppress(OSError, ValueError):
            print(f"isolation-audit: not active: {line}", file=sys.stderr)


def _is_our_own_command() -> bool:
    # At this moment sys.argv is not set yet; the interpreter's own command line is.
    words = sys.orig_argv[1:]
    if "-m" in words[:-1]:
        module = words[words.index("-m") + 1]
        return module == "isolation_audit" or module.startswith("isolation_audit.")
    return any(Path(word).name == "isolation-audit" for word in words[:2])


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
