"""The supervisor: starts the program with the auditor in its environment, merges what its processes saw."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

import isolation_audit
from isolation_audit.cli.signals import Relay
from isolation_audit.config import NO_FILE
from isolation_audit.coverage.verdict import BLINDNESS, is_blind
from isolation_audit.exceptions import UsageError
from isolation_audit.exporters import report
from isolation_audit.exporters.terminal import Painter, render_summary
from isolation_audit.model.pseudonyms import KEY_VARIABLE, Pseudonyms
from isolation_audit.model.rules import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from isolation_audit.config import Config

FAILED = 3
"""Exit code when a finding is as severe as --fail-on says."""

UNSEEING = 4
"""Exit code when the run was as blind as --fail-on says, and no finding is as severe."""

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
    found = str(beside) if os.sep not in first and beside.is_file() else shutil.which(first)
    if found is None:
        raise UsageError(f"there is no program {first!r} in this environment or on PATH")
    return [found, *program[1:]]


class Supervisor:
    """One supervised run."""

    def __init__(self, config: Config, config_path: Path | None, directory: Path | None) -> None:
        self._config = config
        self._config_path = config_path
        self._directory = directory
        self._run = {
            "id": secrets.token_hex(6),
            "config": None if config_path is None else config_path.name,
            "started": time.time(),
        }
        Pseudonyms()  # a key that its processes would refuse is told before the program starts

    def run(self, command: list[str], fail_on: tuple[str, ...]) -> int:
        """Run ``command`` to its end and return the exit code."""
        with self._folder() as folder, self._metrics(folder):
            code = self._execute(command, self._environment(folder))
            merged = self._merged(folder)
            if merged["run"]["processes"]:
                # Not before the program has ended: it starts the sooner.
                from isolation_audit.rules.selfcheck.monitor import tell_blindness

                tell_blindness(merged, self._config.select)
            where = None if self._directory is None else self._write(folder / "report.json", merged)
            self._say(merged, command)
            if where is not None:
                click.echo(f"isolation-audit: {where}", err=True)
        unaudited = not merged["run"]["processes"] and bool(set(fail_on) - {"never"})
        if unaudited or _met(merged, fail_on):
            return FAILED
        return UNSEEING if is_blind(merged, fail_on) else code

    def _write(self, path: Path, merged: report.Report) -> str:
        """Leave the report; gives what is to be said of it. The program has ended: a full disk is not its mistake."""
        try:
            report.write(path, merged)
        except OSError as error:
            return f"the report {path} could not be written ({error.strerror}); its parts are kept beside it"
        report.discard_parts(path.parent, str(self._run["id"]))
        return f"report {path}"

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        if self._directory is not None:
            try:
                report.make_folder(self._directory / "processes")
            except OSError as error:
                raise UsageError(f"can't write the report into {self._directory}: {error.strerror}") from None
            yield self._directory.resolve()
            return
        # A process that outlives the program may be writing at the end.
        with tempfile.TemporaryDirectory(prefix="isolation-audit-", ignore_cleanup_errors=True) as temporary:
            Path(temporary, "processes").mkdir()
            yield Path(temporary)

    @contextmanager
    def _metrics(self, folder: Path) -> Iterator[None]:
        if self._config.prometheus.port is None:
            yield
            return
        from isolation_audit.exporters.prometheus import serve

        with serve(self._config, lambda: self._merged(folder)) as endpoint:
            click.echo(f"isolation-audit: metrics on {endpoint.url}", err=True)
            yield

    def _environment(self, folder: Path) -> dict[str, str]:
        environment = dict(os.environ)
        bootstrap = str(Path(isolation_audit.__file__).with_name("_bootstrap"))
        earlier = environment.get("PYTHONPATH")
        environment |= {
            "ISOLATION_AUDIT": "1",
            "ISOLATION_AUDIT_SUPERVISED": "1",
            "ISOLATION_AUDIT_CONFIG": NO_FILE if self._config_path is None else str(self._config_path),
            "ISOLATION_AUDIT_REPORT": str(folder),
            report.RUN_VARIABLE: str(self._run["id"]),
            KEY_VARIABLE: environment.get(KEY_VARIABLE, secrets.token_hex(16)),
            "PYTHONPATH": f"{bootstrap}{os.pathsep}{earlier}" if earlier else bootstrap,
        }
        if self._config.report.raw_ids:
            environment["ISOLATION_AUDIT_RAW_IDS"] = "1"
        return environment

    @staticmethod
    def _execute(command: list[str], environment: dict[str, str]) -> int:
        with Relay() as relay:
            try:
                # Whatever files and sockets whoever starts us hands on (uvicorn --fd 3) are the program's.
                child = subprocess.Popen(command, env=environment, close_fds=False)  # noqa: S603 - the purpose
            except OSError as error:
                raise UsageError(f"can't start {command[0]}: {error.strerror}") from None
            relay.to(child)
            code = child.wait()
        return 128 - code if code < 0 else code

    def _merged(self, folder: Path) -> report.Report:
        run_id = str(self._run["id"])
        return report.merge(report.parts(folder, run_id), {**self._run, "ended": time.time()}, report.TOOL)

    def _say(self, merged: report.Report, command: list[str]) -> None:
        if not merged["run"]["processes"]:
            click.echo(
                "isolation-audit: no process of the program has left a report; is isolation-audit installed for the "
                "Python that runs it, is that Python started without -E or -I, and can it write into the report's "
                "folder?",
                err=True,
            )
            return
        for target in _in_script(merged, command):
            click.echo(
                f"isolation-audit: {target} is in the script itself, which runs as __main__ and is never imported "
                "under that name; move it to a module that the script imports",
                err=True,
            )
        if self._config.report.terminal:
            click.echo(render_summary(merged, Painter(self._config.report.color, sys.stderr)), err=True)


def _in_script(merged: report.Report, command: list[str]) -> list[str]:
    """Targets that were never imported because their module is the script that was started."""
    scripts = {Path(word).stem for word in command[1:2] if word.endswith(".py")}
    return [
        target["target"]
        for target in merged["targets"]
        if target["state"] == "waiting" and target["target"].partition(":")[0] in scripts
    ]


def _met(merged: report.Report, fail_on: Iterable[str]) -> bool:
    thresholds = [Severity(word).rank for word in fail_on if word not in ("never", *BLINDNESS)]
    return any(
        Severity(finding["severity"]).rank >= threshold for threshold in thresholds for finding in merged["findings"]
    )
