"""A real MariaDB: started by the test that needs it, in a folder of its own, without its file syncs."""

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

ACCOUNT = "mysql"
"""As root the server is given this account, which its package makes."""


def _programs() -> tuple[str, str]:
    """mariadb-install-db and mariadbd; Debian keeps the second one where only root looks."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    installer, server = (shutil.which(name, path=path) for name in ("mariadb-install-db", "mariadbd"))
    if installer is None or server is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("mariadb-server is not installed, and in CI it has to be")
        pytest.skip("mariadb-server is not installed")
    return installer, server


@contextmanager
def mariadb_server() -> Iterator[str]:
    """Host and port of a running server, with an empty database ``test``; without the program the test is skipped."""
    installer, server = _programs()
    user = ACCOUNT if os.geteuid() == 0 else None
    # Not pytest's folder: that one is closed to other accounts.
    with tempfile.TemporaryDirectory(prefix="mariadb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        data, port = folder / "data", free_port()
        log = folder / "log"
        small = [
            "--no-defaults",
            f"--datadir={data}",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-log-file-size=4M",
        ]
        small += ["--innodb-buffer-pool-size=8M", "--aria-pagecache-buffer-size=1M", "--key-buffer-size=1M"]
        made = [installer, *small, "--auth-root-authentication-method=normal"]
        subprocess.run(made, user=user, cwd=folder, check=True, capture_output=True, timeout=280)
        command = [server, *small, "--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder / 'socket'}"]
        command += [
            "--skip-name-resolve",
            "--skip-grant-tables=0",
            "--max-connections=20",
            f"--pid-file={folder / 'pid'}",
        ]
        with log.open("wb") as out:
            process = subprocess.Popen(command, user=user, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: b"ready for connections" in log.read_bytes(), "MariaDB", 60)
            yield f"127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(60)
