"""Datasette with its plugin for passwords: a database of notes, each with its owner, that three users may read."""

import secrets
import sqlite3
import sys
from pathlib import Path

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse battery"


def prepare() -> None:
    """The database, and the secret that signs cookies."""
    with sqlite3.connect("notes.db") as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, owner TEXT, note TEXT)")
        notes = [(user, f"plan {number} of {user} for the winter garden") for number in range(20) for user in USERS]
        connection.executemany("INSERT INTO notes (owner, note) VALUES (?, ?)", notes)
    connection.close()
    Path("secret").write_text(secrets.token_hex(32), encoding="ascii")


def application():
    """Datasette itself, as ``datasette serve`` makes it."""
    from datasette.app import Datasette
    from datasette_auth_passwords.utils import hash_password

    passwords = {f"{user}_password_hash": hash_password(PASSWORD) for user in USERS}
    actors = {user: {"id": user, "name": user.title()} for user in USERS}
    metadata = {
        "allow": {"id": list(USERS)},
        "plugins": {"datasette-auth-passwords": {**passwords, "actors": actors}},
    }
    return Datasette(["notes.db"], metadata=metadata, secret=Path("secret").read_text(encoding="ascii"))


def serve(made, port: int) -> None:
    """As Datasette does it."""
    import uvicorn

    uvicorn.run(made, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        serve(application().app(), int(sys.argv[1]))
