"""Starts the auditor from the environment, at interpreter start: for ``isolation-audit run`` and the installed .pth.

``ISOLATION_AUDIT=1`` switches it on. Whatever goes wrong is one line on standard error: the application starts anyway.
The auditor is imported once it is known to be wanted, and where a failure of that is told.
"""

from __future__ import annotations

import gc
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from isolation_audit.foundation.environment import KEY_VARIABLE, ON, RUN_VARIABLE, SWITCH

if TYPE_CHECKING:
    from collections.abc import Callable


class _State:
    asked = False


_state = _State()


def from_environment() -> None:
    """Start the auditor if ``ISOLATION_AUDIT`` asks for it; never raises."""
    # Python 3.11 reads the .pth files of a virtual environment twice.
    if _state.asked:
        return
    _state.asked = True
    if os.environ.get(SWITCH, "").lower() not in ON or _is_our_own_command():
        return
    if start(_inherit):
        from isolation_audit.process.ending import write_reports_first

        write_reports_first()


def _inherit() -> None:
    """Give processes that this one starts its run and key: their parts join one report, and call a user by one name."""
    os.environ.setdefault(RUN_VARIABLE, secrets.token_hex(6))
    os.environ.setdefault(KEY_VARIABLE, secrets.token_hex(16))


def start(prepare: Callable[[], None] = lambda: None) -> bool:
    """Start the auditor; what goes wrong is printed, and the application goes on unaudited."""
    collecting = gc.isenabled()
    gc.disable()  # nearly all that a start makes stays; looking for garbage takes a tenth of its time
    try:
        return _started(prepare)
    finally:
        if collecting:
            gc.enable()


def _started(prepare: Callable[[], None]) -> bool:
    try:
        from isolation_audit.auditor import instrument
        from isolation_audit.exceptions import IsolationAuditError
    except Exception as error:  # of a broken installation
        _say(_one_line(error))
        return False
    try:
        prepare()
        instrument()
    except IsolationAuditError as error:
        for line in str(error).splitlines():
            _say(line)
    except Exception as error:
        _say(_one_line(error))
    else:
        return True
    return False


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


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
