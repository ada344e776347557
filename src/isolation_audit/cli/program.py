"""The command that starts the program."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from isolation_audit.exceptions import UsageError

_WITH_ARGUMENT = {"-m": "the name of a module, as in: isolation-audit run -- -m package.module", "-c": "a program"}


def command_line(program: tuple[str, ...]) -> list[str]:
    """The command for a script or a folder with a ``__main__.py``, ``-m module``, ``-c program`` or a console script.

    Raises:
        UsageError: there is no such program.
    """
    first = program[0]
    if first in _WITH_ARGUMENT:
        if len(program) == 1:
            raise UsageError(f"{first} needs {_WITH_ARGUMENT[first]}")
        return [sys.executable, *program]
    if first.startswith("-"):
        raise UsageError(f"{first!r} is no program; put options of isolation-audit before -- and the program after it")
    if (Path(first) / "__main__.py").is_file():
        return [sys.executable, *program]
    if first.endswith((".py", ".pyz")):
        if not Path(first).exists() or Path(first).is_dir():  # a pipe will do
            raise UsageError(f"there is no file {first!r} here")
        return [sys.executable, *program]
    beside = Path(sys.executable).parent / first
    found = str(beside) if os.sep not in first and beside.is_file() else on_path(first)
    if found is None:
        raise UsageError(f"there is no program {first!r} in this environment or on PATH")
    return [found, *program[1:]]


def on_path(name: str) -> str | None:
    """The program that a shell would start for this name, as ``shutil.which`` does, without its archives."""
    if os.name == "nt":
        import shutil

        return shutil.which(name)
    folders = [""] if os.sep in name else os.get_exec_path()
    places = [os.path.join(folder, name) for folder in folders]  # noqa: PTH118 - an empty folder is this one
    return next((one for one in places if os.access(one, os.X_OK) and not Path(one).is_dir()), None)
