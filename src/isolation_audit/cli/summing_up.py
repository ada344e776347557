"""What ``run`` does once the program has ended: one report of all its processes, what is said of it, an exit code."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isolation_audit.cli.say import say
from isolation_audit.config import default_config, load_config
from isolation_audit.coverage.verdict import BLINDNESS, is_blind
from isolation_audit.exporters import report
from isolation_audit.exporters.terminal import Painter, render_summary
from isolation_audit.model.rules import Severity
from isolation_audit.rules.selfcheck.blindness import tell_blindness

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.cli.run_options import RunOptions
    from isolation_audit.config import Config

FAILED = 3
"""Exit code when a finding is as severe as --fail-on says."""

UNSEEING = 4
"""Exit code when the run was as blind as --fail-on says, and no finding is as severe."""


def configured(path: Path | None, asked: RunOptions) -> Config:
    """The configuration, with what the command line says instead.

    Raises:
        ConfigError: with every problem found.
    """
    config = default_config() if path is None else load_config(path)
    if asked.raw_ids:
        config = replace(config, report=replace(config.report, raw_ids=True))
    if asked.metrics_port is not None:
        config = replace(config, prometheus=replace(config.prometheus, port=asked.metrics_port))
    return config


def merged(folder: Path, run: dict[str, Any]) -> report.Report:
    """One report of the processes of this run so far."""
    return report.merge(report.parts(folder, str(run["id"])), {**run, "ended": time.time()}, report.TOOL)


class Outcome:
    """What a run has come to."""

    def __init__(self, config: Config, run: dict[str, Any], folder: Path) -> None:
        self._config = config
        self._run = run
        self._folder = folder
        self._merged = merged(folder, run)
        if self._merged["run"]["processes"]:
            tell_blindness(self._merged, config.select)

    def tell(self, command: list[str], *, keep: bool) -> None:
        """Say what there is to say; ``keep`` the report in the folder."""
        where = self._write(self._folder / "report.json") if keep else None
        self._say(command)
        if where is not None:
            say(where)

    def code(self, code: int, fail_on: tuple[str, ...]) -> int:
        """The exit code, where the program's own is ``code``."""
        unaudited = not self._merged["run"]["processes"] and bool(set(fail_on) - {"never"})
        if unaudited or _met(self._merged, fail_on):
            return FAILED
        return UNSEEING if is_blind(self._merged, fail_on) else code

    def _write(self, path: Path) -> str:
        """Leave the report; gives what is to be said of it. The program has ended: a full disk is not its mistake."""
        try:
            report.write(path, self._merged)
        except OSError as error:
            return f"the report {path} could not be written ({error.strerror}); its parts are kept beside it"
        report.discard_parts(path.parent, str(self._run["id"]))
        return f"report {path}"

    def _say(self, command: list[str]) -> None:
        if not self._merged["run"]["processes"]:
            say(
                "no process of the program has left a report; is isolation-audit installed for the "
                "Python that runs it, is that Python started without -E or -I, and can it write into the report's "
                "folder?"
            )
            return
        for target in _in_script(self._merged, command):
            say(
                f"{target} is in the script itself, which runs as __main__ and is never imported "
                "under that name; move it to a module that the script imports"
            )
        if self._config.report.terminal:
            say(render_summary(self._merged, Painter(self._config.report.color, sys.stderr)), who="")


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
