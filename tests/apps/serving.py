"""One server of an application: prepared once, its state copied for each run, started bare or under the auditor."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from catalogue import App

LIMIT = 300.0
"""Seconds for an application's preparation, and for its start."""


class ServerFailedError(Exception):
    """A program of an application did not do what it is there for; the message is the end of what it has written."""


def free_port() -> int:
    """A port that the kernel gives."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def prepare(app: App, python: Path, folder: Path) -> Path:
    """A folder with the application's first state: databases, users, settings."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    done = subprocess.run(
        [str(python), str(app.folder / "serve.py"), "prepare"],
        cwd=folder,
        env=_environment(python),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=LIMIT,
    )
    if done.returncode:
        raise ServerFailedError(f"prepare: {_end(done.stderr or done.stdout)}")
    return folder


class Server:
    """A process of an application at work, in a folder of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port

    def report(self) -> dict[str, Any]:
        """What the auditor has written; after the end."""
        merged: dict[str, Any] = json.loads((self.folder / "report" / "report.json").read_text(encoding="utf-8"))
        return merged


@contextmanager
def serving(
    app: App, python: Path, state: Path, folder: Path, *, audited: bool, program: str = "serve.py"
) -> Iterator[Server]:
    """``program`` at work on a copy of ``state``.

    Raises:
        ServerFailedError: it does not listen.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(state, folder, symlinks=True)
    server = Server(folder, free_port())
    command = [str(python)]
    if audited:
        command += ["-m", "isolation_audit", "run", "--report", str(folder / "report"), "--raw-ids"]
        if app.config:
            folder.joinpath("audit.toml").write_text(app.config, encoding="utf-8")
            command += ["--config", str(folder / "audit.toml")]
        command.append("--")
    log = folder / "server.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [*command, str(app.folder / program), str(server.port)],
            cwd=folder,
            env=_environment(python) | (_from_source(folder) if app.from_source else {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(child, server.port, log)
        yield server
    finally:
        _stop(child)


def _environment(python: Path) -> dict[str, str]:
    """The environment without anything of an auditor or a test run around this one."""
    ours = ("ISOLATION_AUDIT", "PYTHON", "COVERAGE", "PYTEST_", "DJANGO_", "FLASK_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = f"{python.parent}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


def _from_source(folder: Path) -> dict[str, str]:
    """No code is there already: neither Python's own, nor what the auditor keeps of modules that it has rewritten."""
    return {"PYTHONPYCACHEPREFIX": str(folder / "no-pyc"), "XDG_CACHE_HOME": str(folder / "no-cache")}


def _wait(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        if child.poll() is not None:
            raise ServerFailedError(f"it ended: {_end(log.read_text(errors='replace'))}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise ServerFailedError(f"it does not listen: {_end(log.read_text(errors='replace'))}")


def _stop(child: subprocess.Popen[bytes]) -> None:
    """First as Ctrl-C does, so that the audit writes its report; then by force."""
    for sign, seconds in ((signal.SIGINT, 30), (signal.SIGTERM, 15), (signal.SIGKILL, 5)):
        if child.poll() is None:
            child.send_signal(sign)
            try:
                child.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        break
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _end(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return " | ".join(lines[-4:]) or "it has written nothing"
