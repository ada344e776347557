"""A real PostgreSQL: started by the test that needs it, in a folder of its own, without its file syncs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from receivers import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = "postgres"
"""PostgreSQL refuses to run as root: as root it is given this account, which its package makes."""


def _programs() -> Path:
    """The folder of initdb and postgres; Debian keeps each version in one that is on no path."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("postgresql is not installed, and in CI it has to be")
        pytest.skip("postgresql is not installed")
    return folders[-1]


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a running server, for SQLAlchemy with psycopg; without the program the test is skipped."""
    programs = _programs()
    user = ACCOUNT if os.geteuid() == 0 else None
    # Not pytest's folder: that one is closed to other accounts.
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        data, port = folder / "data", free_port()
        made = [str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]
        subprocess.run(made, user=user, cwd=folder, check=True, capture_output=True, timeout=280)
        command = [str(programs / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
        command += ["-c", "fsync=off", "-c", "max_connections=10"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, user=user, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            ready = [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
            wait_for(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0, "PostgreSQL")
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        finally:
            # Its "fast" shutdown: it does not wait for who is still connected.
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(60)
