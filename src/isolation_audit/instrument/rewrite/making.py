"""Where a module is rewritten: in this process, or in one of its own where Python's parser is not safe beside threads.

CPython 3.11 counts the depth of a tree for the whole interpreter, so that a parse can fail for another thread's parse.
"""

from __future__ import annotations

import marshal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from isolation_audit.foundation.own_threads import own_threads

if TYPE_CHECKING:
    from types import CodeType

    from isolation_audit.instrument.rewrite.sites import Plan

_TIMEOUT: Final = 60.0
_ROOT: Final = Path(__file__).parents[2]

_ELSEWHERE: Final = """\
import marshal, sys, types
root, source, file, optimize = marshal.loads(sys.stdin.buffer.read())
for name in ("isolation_audit", "isolation_audit.instrument"):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [root + name.removeprefix("isolation_audit").replace(".", "/")]
from isolation_audit.instrument.rewrite.code import rewrite
sys.stdout.buffer.write(marshal.dumps(rewrite(source, file, optimize)))
"""
"""Nothing but the rewriter itself is imported there: no package's ``__init__``, and nothing that is installed."""


class NotMadeError(Exception):
    """The other process did not rewrite the module."""


def make(source: bytes, file: str) -> tuple[CodeType, list[Plan], bytes]:
    """Rewrite a module; gives what :func:`code.rewrite` gives.

    Raises:
        SyntaxError: as the compiler does.
        ValueError: as the compiler does.
        NotMadeError: the other process failed.
    """
    if sys.version_info < (3, 12) and _others_run():
        return _elsewhere(source, file)
    from isolation_audit.instrument.rewrite.code import rewrite

    return rewrite(source, file)


def _others_run() -> bool:
    """True where threads run that are neither this one nor of the auditor."""
    return bool(set(sys._current_frames()) - own_threads() - {threading.get_ident()})  # noqa: SLF001 - knows threads of C, too


def _elsewhere(source: bytes, file: str) -> tuple[CodeType, list[Plan], bytes]:
    given = marshal.dumps((str(_ROOT), source, file, sys.flags.optimize))
    words = [sys.executable, "-I", "-S", "-B", "-c", _ELSEWHERE]
    try:
        done = subprocess.run(words, input=given, capture_output=True, timeout=_TIMEOUT, check=True)  # noqa: S603 - our own Python
        code, plans, written = marshal.loads(done.stdout)  # noqa: S302 - of our own process
    except (OSError, subprocess.SubprocessError, ValueError, EOFError, TypeError) as error:
        raise NotMadeError(type(error).__name__) from None
    return code, plans, written
