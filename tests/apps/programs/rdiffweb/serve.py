"""rdiffweb, on CherryPy and its own server, with an administrator and the backups of three users.

What makes backups is not needed to show them, and is stood in for by a script that tells its version.
"""

import os
import sqlite3
import subprocess
import sys
import tarfile
import time
from contextlib import closing
from importlib.resources import files
from pathlib import Path

ADMIN, PASSWORD = "alice.liddell", "correct horse 9"
HOMES = (ADMIN, "bob.builder", "carol.kane")
STAND_IN = "#!/bin/sh\necho rdiff-backup 2.2.6\n"


def options(port):
    return [
        *("--admin-user", ADMIN, "--admin-password", PASSWORD, "--database-uri", f"sqlite:///{Path.cwd()}/rdw.db"),
        *("--server-host", "127.0.0.1", "--server-port", str(port), "--log-level", "WARN", "--rate-limit", "-1"),
        "--disable-ssh-keys",
    ]


def serve(port):
    from rdiffweb.main import main

    os.environ["PATH"] = f"{Path.cwd() / 'bin'}{os.pathsep}{os.environ['PATH']}"
    main(options(port))


def prepare():
    """The backups, and a database with the administrator, whom the application adds while it starts."""
    for name in HOMES:
        home = Path("homes") / name
        home.mkdir(parents=True)
        with tarfile.open(files("rdiffweb.tests") / "testcases.tar.gz") as archive:
            archive.extractall(home, filter="tar")
    program = Path("bin") / "rdiff-backup"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    child = subprocess.Popen([sys.executable, __file__, "0"])
    try:
        until = time.monotonic() + 120
        while not has_admin():
            assert time.monotonic() < until, "the application has made no administrator"
            time.sleep(0.2)
    finally:
        child.terminate()
        child.wait()


def has_admin():
    try:
        with closing(sqlite3.connect("file:rdw.db?mode=ro", uri=True)) as database:
            return database.execute("SELECT username FROM users").fetchall() == [(ADMIN,)]
    except sqlite3.OperationalError:
        return False  # it is being made


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        serve(int(sys.argv[1]))
