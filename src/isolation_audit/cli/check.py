"""``check``: resolve every target of the configuration in a process of its own, and say what is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from isolation_audit.config import Config, find_config, load_config
from isolation_audit.exceptions import UsageError

_STYLES = {"applied": "green", "late": "green", "absent": "cyan"}
_LEVELS = {"error": "bold red", "warning": "yellow", "note": "dim"}
IMPORT_TIMEOUT = 120
"""Seconds that importing all modules of the application may take."""


@click.command()
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), help="The configuration file (default: looked for)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
@click.option("--strict", is_flag=True, help="Exit 1 for a warning, too.")
@click.option("--show-code", "shown", metavar="TARGET", default="", help="Print the code that watches this target.")
def check(config_path: Path | None, *, as_json: bool, strict: bool, shown: str) -> None:
    """Resolve every target of the configuration, and compare its paths with the signatures and annotations.

    The application's modules are imported, in a process of their own, to look the targets up; nothing is called.

    \b
    Exit code 0: every target can be watched, and no path contradicts the code. Warnings are printed.
              1: a target can't be watched, or a path can never give a value; with --strict also: a warning.
              2: the configuration can't be read, or importing the application failed.
    """
    path = config_path or find_config()
    if path is None:
        raise UsageError("no configuration found; write an isolation-audit.toml, or name one with --config")
    config = load_config(path)
    answer = resolve_targets(path, shown)
    targets, users = answer["targets"], answer["current_users"]
    bad = [target for target in targets if target["state"] not in _STYLES]
    levels = Counter(remark["level"] for target in targets for remark in target["remarks"])
    if as_json:
        click.echo(json.dumps({"config": str(path), "targets": targets, "current_users": users}, indent=1))
    elif shown:
        _show_code(shown, targets)
    else:
        _show(path, config, targets)
        _show_users(users)
        _sum_up(len(bad), levels)
    sys.exit(1 if bad or levels["error"] or (strict and levels["warning"]) else 0)


def _show(path: Path, config: Config, targets: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape

    # No table: a target that is cut in two can't be copied, and most of them don't fit beside the other columns.
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{path}: {len(targets)} targets", markup=False)
    widest = {key: max((len(target[key]) for target in targets), default=0) for key in ("state", "role")}
    for target in targets:
        state, role = target["state"].ljust(widest["state"]), target["role"].ljust(widest["role"])
        style = _STYLES.get(target["state"], "bold red")
        console.print(f"  [{style}]{state}[/]  [dim]{role}[/]  {escape(target['target'])}")
        if target["detail"]:
            console.print(f"  {' ' * len(state + role)}    {escape(target['detail'])}", style=style)
        for remark in target["remarks"]:
            console.print(
                f"  {' ' * len(state + role)}    {remark['level']}: {escape(remark['text'])}",
                style=_LEVELS[remark["level"]],
            )
    say = Console(highlight=False).print
    if config.shared and config.audit.depth == "calls":
        say("note: \\[shared] is about state, which audit.depth = 'calls' does not watch")
    if config.audit.depth == "heap":
        say("note: audit.depth = 'heap' looks as deep as 'state' in this version")


def _show_users(users: list[dict[str, Any]]) -> None:
    """What frameworks inject is found at run time as well; a doubt is ended by the configuration alone."""
    for user in users:
        if user["doubt"]:
            click.echo(f"note: is the result of {user['target']} the current user? If so, name it under [[users]]")
        else:
            click.echo(f"note: the result of {user['target']} is taken for the current user, because of its name")


def _show_code(shown: str, targets: list[dict[str, Any]]) -> None:
    """Print the hooks of one target.

    Raises:
        UsageError: the configuration names no such target, or it has no method that is watched by that name.
    """
    code = {name: text for target in targets for name, text in target.get("code", {}).items()}
    if not code:
        raise UsageError(f"{shown!r} is no target of the configuration, and no watched method of one")
    for name, text in code.items():
        click.echo(f"# {name}")
        click.echo(text or "# a wrapper stands before it: each call is looked at, and no code is generated")
        click.echo()


def _sum_up(bad: int, levels: Counter[str]) -> None:
    from rich.console import Console

    say = Console(highlight=False).print
    say(f"[bold red]{bad} target(s) can't be watched[/]" if bad else "[green]all targets resolve[/]")
    if levels["error"]:
        say(f"[bold red]{levels['error']} path(s) can never give a value[/]")
    if levels["warning"]:
        say(f"[yellow]{levels['warning']} warning(s): read them before the first run[/]")


def resolve_targets(config_path: Path, shown: str = "") -> dict[str, list[dict[str, Any]]]:
    """``targets``, each with its role, state, detail and remarks, and ``current_users``: found in a subprocess.

    Raises:
        UsageError: the subprocess did not come back with an answer.
    """
    with tempfile.TemporaryDirectory(prefix="isolation-audit-") as folder:
        # The answer goes into a file: the application's modules may print whatever they like, at import and at exit.
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "isolation_audit.cli.resolving", str(config_path.resolve()), str(answer)]
        command += [shown] if shown else []
        with subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        ) as process:
            try:
                _out, errors = process.communicate(timeout=IMPORT_TIMEOUT)
            except subprocess.TimeoutExpired:
                raise UsageError(
                    f"importing the application took longer than {IMPORT_TIMEOUT} s; does one of its modules start a "
                    "server, or wait for something?"
                ) from None
            finally:
                # Whatever the modules have started goes with them; it would also keep the pipe open.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        try:
            found: dict[str, list[dict[str, Any]]] = json.loads(answer.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            last = (errors.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise UsageError(
                f"importing the application ended the process (exit code {process.returncode}): {last}"
            ) from None
    return found
