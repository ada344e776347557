"""``run``: a program under the auditor, supervised: one report of all its processes, one exit code."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from isolation_audit.config import DEPTH_VARIABLE, default_config, find_config, load_config
from isolation_audit.exceptions import UsageError

_EPILOG = """Exit codes: the program's own (128 + N if signal N ended it); 2 for a mistake in the command line or the
configuration; 3 when a finding meets --fail-on; 4 when the run was blind, or partly, and --fail-on says so."""


@click.command(epilog=_EPILOG, context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False})
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), help="The configuration file (default: looked for)."
)
@click.option(
    "--report",
    "report_directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write report.json into this folder.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "blind", "partly-blind", "never"]),
    multiple=True,
    default=("never",),
    show_default=True,
    help="Exit with 3 if a finding is at least this severe, with 4 if the run was blind; may be repeated.",
)
@click.option("--depth", type=click.Choice(["calls", "state", "heap"]), help="How deep to look (audit.depth).")
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve /metrics on loopback (0: any free port).")
@click.option("--raw-ids", is_flag=True, help="Show user ids instead of pseudonyms, everywhere.")
@click.argument("program", nargs=-1, type=click.UNPROCESSED)
def run(
    config_path: Path | None,
    report_directory: Path | None,
    fail_on: tuple[str, ...],
    depth: Literal["calls", "state", "heap"] | None,
    metrics_port: int | None,
    *,
    raw_ids: bool,
    program: tuple[str, ...],
) -> None:
    """Run PROGRAM (a script, -m MODULE, or a command) and all its Python processes under the auditor.

    Put -- before PROGRAM: isolation-audit run -- uvicorn app:app --workers 2

    Without a configuration file, known libraries and the standard library are watched, and users are found where
    frameworks tell who has logged in.
    """
    from isolation_audit.cli.supervise import Supervisor, command_line

    if not program:
        raise UsageError("no program to run, as in: isolation-audit run -- python app.py")
    path = config_path or find_config()
    if path is None:
        click.echo("isolation-audit: no configuration found: watching what needs none", err=True)
    config = default_config() if path is None else load_config(path)
    if raw_ids:
        config = replace(config, report=replace(config.report, raw_ids=True))
    if metrics_port is not None:
        config = replace(config, prometheus=replace(config.prometheus, port=metrics_port))
    if depth is not None:
        os.environ[DEPTH_VARIABLE] = depth  # the program's processes read it
        config = replace(config, audit=replace(config.audit, depth=depth))
    supervisor = Supervisor(config, path and path.resolve(), report_directory or config.report.directory)
    sys.exit(supervisor.run(command_line(program), fail_on))
