"""The supervisor: starts the program with the auditor in its environment; :mod:`summing_up` follows when it has ended.

It imports little, because it is there all the time and does nothing: the configuration where there is one, and what
merges reports once the program has ended.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import isolation_audit
from isolation_audit.cli.program import command_line
from isolation_audit.cli.say import say
from isolation_audit.cli.signals import Relay
from isolation_audit.config.finding import DEPTH_VARIABLE, NO_FILE, STORE_VARIABLE, find_config
from isolation_audit.exceptions import UsageError
from isolation_audit.exporters.folders import make_folder
from isolation_audit.foundation.environment import (
    KEY_VARIABLE,
    RAW_IDS_VARIABLE,
    REPORT_VARIABLE,
    RUN_VARIABLE,
    SUPERVISED_VARIABLE,
    SWITCH,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.cli.run_options import RunOptions
    from isolation_audit.config import Config


def supervise(asked: RunOptions) -> int:
    """Run the program to its end, and return the exit code.

    Raises:
        IsolationAuditError: the configuration can't be used, or the program can't be started.
    """
    path = asked.config or find_config()
    if path is None:
        say("no configuration found: watching what needs none")
    if asked.depth is not None:
        os.environ[DEPTH_VARIABLE] = asked.depth  # the program's processes read it
    return Supervisor(asked, path).run()


class Supervisor:
    """One supervised run."""

    def __init__(self, asked: RunOptions, path: Path | None) -> None:
        self._asked = asked
        self._path = None if path is None else path.resolve()
        self._config: Config | None = None
        self.run_of = {
            "id": _random(6),
            "config": None if path is None else path.name,
            "started": time.time(),
        }
        # What is wrong with a file or a variable is told before the program starts. Where neither says anything, the
        # configuration is not asked for until the program has ended.
        if path is not None or asked.metrics_port is not None or {DEPTH_VARIABLE, STORE_VARIABLE} & os.environ.keys():
            self._config = self.config(path)
        if KEY_VARIABLE in os.environ:
            from isolation_audit.model.pseudonyms import Pseudonyms

            Pseudonyms()  # refuses a key that its processes would refuse

    def config(self, path: Path | None = None) -> Config:
        """The configuration, with what the command line says instead."""
        if self._config is not None:
            return self._config
        from isolation_audit.cli.summing_up import configured

        return configured(path, self._asked)

    def run(self) -> int:
        """Run the program to its end and return the exit code."""
        command = command_line(self._asked.program)
        with self._folder() as folder, self._metrics(folder):
            code = self._execute(command, self._environment(folder))
            # Not before the program has ended: it starts the sooner.
            from isolation_audit.cli.summing_up import Outcome

            outcome = Outcome(self.config(), self.run_of, folder)
            outcome.tell(command, keep=self._directory() is not None)
        return outcome.code(code, self._asked.fail_on)

    def _directory(self) -> Path | None:
        return self._asked.report or (None if self._config is None else self._config.report.directory)

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        directory = self._directory()
        if directory is not None:
            try:
                make_folder(directory / "processes")
            except OSError as error:
                raise UsageError(f"can't write the report into {directory}: {error.strerror}") from None
            yield directory.resolve()
            return
        from tempfile import TemporaryDirectory

        # A process that outlives the program may be writing at the end.
        with TemporaryDirectory(prefix="isolation-audit-", ignore_cleanup_errors=True) as temporary:
            Path(temporary, "processes").mkdir()
            yield Path(temporary)

    @contextmanager
    def _metrics(self, folder: Path) -> Iterator[None]:
        if self._config is None or self._config.prometheus.port is None:
            yield
            return
        from isolation_audit.cli.summing_up import merged
        from isolation_audit.exporters.prometheus import serve

        with serve(self._config, lambda: merged(folder, self.run_of)) as endpoint:
            say(f"metrics on {endpoint.url}")
            yield

    def _environment(self, folder: Path) -> dict[str, str]:
        environment = dict(os.environ)
        bootstrap = str(Path(isolation_audit.__file__).with_name("_bootstrap"))
        earlier = environment.get("PYTHONPATH")
        environment |= {
            SWITCH: "1",
            SUPERVISED_VARIABLE: "1",
            "ISOLATION_AUDIT_CONFIG": NO_FILE if self._path is None else str(self._path),
            REPORT_VARIABLE: str(folder),
            RUN_VARIABLE: str(self.run_of["id"]),
            KEY_VARIABLE: environment.get(KEY_VARIABLE, _random(16)),
            "PYTHONPATH": f"{bootstrap}{os.pathsep}{earlier}" if earlier else bootstrap,
        }
        if self._asked.raw_ids or (self._config is not None and self._config.report.raw_ids):
            environment[RAW_IDS_VARIABLE] = "1"
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


def _random(size: int) -> str:
    # As the module secrets does it, which takes hashes and the whole of OpenSSL along.
    return os.urandom(size).hex()
