"""``run``: a program under the auditor, supervised: one report of all its processes, one exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isolation_audit.cli.run_options import OPTIONS, Option, RunOptions
from isolation_audit.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

_EPILOG = """Exit codes: the program's own (128 + N if signal N ended it); 2 for a mistake in the command line or the
configuration; 3 when a finding meets --fail-on; 4 when the run was blind, or partly, and --fail-on says so."""


def _type(option: Option) -> Any:
    if option.words:
        return click.Choice(option.words)
    if option.highest is not None:
        return click.IntRange(0, option.highest)
    return click.Path(path_type=Path, file_okay=not option.is_folder)


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for name, option in reversed(OPTIONS.items()):
        takes: dict[str, Any] = {"is_flag": True} if option.is_flag else {"type": _type(option)}
        if option.default is not None:
            takes |= {"multiple": True, "default": (option.default,), "show_default": True}
        command = click.option(name, option.parameter, help=option.help, **takes)(command)
    return command


@click.command(epilog=_EPILOG, context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False})
@_options
@click.argument("program", nargs=-1, type=click.UNPROCESSED)
def run(**asked: Any) -> None:
    """Run PROGRAM (a script, -m MODULE, or a command) and all its Python processes under the auditor.

    Put -- before PROGRAM: isolation-audit run -- uvicorn app:app --workers 2

    Without a configuration file, known libraries and the standard library are watched, and users are found where
    frameworks tell who has logged in.
    """
    from isolation_audit.cli.supervise import supervise

    if not asked["program"]:
        raise UsageError("no program to run, as in: isolation-audit run -- python app.py")
    sys.exit(supervise(RunOptions(**asked)))
