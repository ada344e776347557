"""A small application for the doors to be opened on, and the ways to open them: as a user would, in new processes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

SCHEMA = json.loads(Path(__file__).parents[1].joinpath("docs", "reference", "report.schema.json").read_text())

SHOP = """\
from contextvars import ContextVar

current_user = ContextVar("current_user", default=None)


class Emitter:
    def emit_answer(self, text, to):
        return text


class Engine:
    def __init__(self, user_id=None):
        self.user_id = user_id


def cross(times=1):
    current_user.set("alice")
    for _ in range(times):
        Emitter().emit_answer("hello", to="bob")


def serve(times=1):
    current_user.set("alice")
    for _ in range(times):
        Emitter().emit_answer("hello", to="alice")
"""

CONFIG = """\
[ambient]
contextvar = "shop:current_user"

[[emitters]]
target = "shop:Emitter"
methods = { "emit_*" = "*" }
addressee = ["args.to"]
"""


WITHOUT_OTHERS = ("-p", "no:faker", "-p", "no:hypothesispytest", "-p", "no:langsmith_plugin")
"""For a pytest that a test starts: importing these plugins takes longest, and nothing needs them."""


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without anything of an auditor or a test run around this one."""
    ours = ("ISOLATION_AUDIT", "AGENT_CHAT", "PYTEST_", "COV_", "NO_COLOR")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return environment | {"COLUMNS": "100", "PYTEST_ADDOPTS": " ".join(WITHOUT_OTHERS)} | more


@dataclass
class Done:
    code: int
    out: bytes
    err: str
    report: dict[str, Any] | None

    @property
    def crossings(self) -> int:
        """What the merged report counts."""
        assert self.report is not None
        return self.report["summary"].get("crossing_events", 0)


class Project:
    """A folder with the application ``shop`` and its configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("shop.py", SHOP)
        self.write("isolation-audit.toml", CONFIG)

    def write(self, name: str, text: str) -> Path:
        """A file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def command(self, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        """``isolation-audit run`` with a report in this folder."""
        return [sys.executable, "-m", "isolation_audit", "run", "--report", "out", *options, "--", *words]

    def report(self) -> dict[str, Any] | None:
        """The report, if there is one."""
        path = self.folder / "out" / "report.json"
        return json.loads(path.read_text()) if path.exists() else None

    def run(
        self,
        *words: str,
        options: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float = 280,
    ) -> Done:
        """Run a program to its end under the auditor."""
        done = subprocess.run(
            self.command(*words, options=options),
            cwd=self.folder,
            env=environment or clean_environment(),
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr.decode(), self.report())

    def script(self, text: str, *words: str, **options: Any) -> Done:
        """Run a script of this text under the auditor."""
        self.write("program.py", text)
        return self.run("program.py", *words, **options)

    def start(self, *words: str, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a program under the auditor, in a process group of its own."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env=environment or clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def end(self, process: subprocess.Popen[bytes], timeout: float = 60) -> Done:
        """Wait for the end of a started program."""
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return Done(process.returncode, out, err.decode(), self.report())


def cli(*words: str, cwd: Path, environment: dict[str, str] | None = None, timeout: float = 280) -> Done:
    """Any other command of isolation-audit."""
    done = subprocess.run(
        [sys.executable, "-m", "isolation_audit", *words],
        cwd=cwd,
        env=environment or clean_environment(),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr.decode(), None)


def command(*words: str, cwd: Path, environment: dict[str, str] | None = None) -> Done:
    """The same in this process: where many commands are tried, starting a Python for each takes most of the time."""
    from isolation_audit.cli import main

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "argv", ["isolation-audit", *map(str, words)]),
        mock.patch.dict(os.environ, environment or {}),
    ):
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Done(code, out.buffer.getvalue(), err.buffer.getvalue().decode(), None)


def wait_for(condition: Any, seconds: float = 60) -> None:
    """Wait until ``condition()`` is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen")
        time.sleep(0.01)
