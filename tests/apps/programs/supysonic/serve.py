"""Supysonic: a music server of Flask's and peewee's, whose sessions and tables call its users by UUIDs."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from uuid import UUID

USERS = ("alice.liddell", "bob.builder", "carol.kane")
FIRST = UUID("4704718d-da7a-490f-9092-f287e7e25821")


def prepare():
    """An administrator and two users, with the same ids each time."""
    from supysonic.db import init_database, release_database
    from supysonic.managers.user import UserManager

    init_database(f"sqlite:///{Path.cwd() / 'db.sqlite'}")
    for name in USERS:
        UserManager.add(name, "correct horse 9", mail=f"{name}@example.org", admin=name == USERS[0])
    release_database()
    with closing(sqlite3.connect("db.sqlite")) as database:
        for number, name in enumerate(USERS):
            (before,) = database.execute("SELECT id FROM user WHERE name = ?", (name,)).fetchone()
            new = UUID(int=FIRST.int + number)
            told = str(new) if "-" in before else new.hex
            database.execute("UPDATE user SET id = ? WHERE name = ?", (told, name))
        database.commit()


def serve(port):
    """Until it is interrupted."""
    from supysonic.config import DefaultConfig
    from supysonic.web import create_application

    here = Path.cwd()
    config = DefaultConfig()
    config.BASE = {**config.BASE, "database_uri": f"sqlite:///{here / 'db.sqlite'}"}
    config.WEBAPP = {**config.WEBAPP, "cache_dir": str(here / "cache")}
    config.DAEMON = {**config.DAEMON, "socket": str(here / "no-daemon")}
    create_application(config).run("127.0.0.1", port, threaded=True)


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        serve(int(sys.argv[1]))
