"""Notes on NiceGUI, with the login page that its documentation shows: an application of our own."""

import os
import sys
from pathlib import Path

os.environ.setdefault("NICEGUI_STORAGE_PATH", str(Path.cwd() / "storage"))

import secrets

from nicegui import app, ui

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"
notes: dict[str, list[str]] = {}
board: list[str] = []


def me() -> str:
    """Who has logged in."""
    return app.storage.user["username"]


def mine(shown) -> None:
    """One's own notes."""
    shown.set_text(f"{me()}, you have {len(notes.get(me(), []))} notes: {'; '.join(notes.get(me(), []))}")


def whoami(shown) -> None:
    """Who one is."""
    shown.set_text(f"you are {me()}")


@ui.page("/login")
def login() -> None:
    """Name and password."""

    def try_login() -> None:
        if username.value in USERS and password.value == PASSWORD:
            app.storage.user.update({"username": username.value, "authenticated": True})
            ui.navigate.to("/")
        else:
            ui.notify("wrong username or password")

    username = ui.input("Username")
    password = ui.input("Password", password=True)
    ui.button("Log in", on_click=try_login)


@ui.page("/")
def home() -> None:
    """One's own notes, and a board for all."""
    if not app.storage.user.get("authenticated"):
        ui.navigate.to("/login")
        return
    ui.label(f"hello {me()}")
    shown = ui.label("")
    text = ui.input("Note")

    def add() -> None:
        notes.setdefault(me(), []).append(text.value)
        globals()["mine"](shown)

    async def post() -> None:
        board.append(f"{me()}: {text.value}")
        shown.set_text(f"{len(board)} on the board")

    ui.button("Add", on_click=add)
    ui.button("Post", on_click=post)
    ui.button("Who", on_click=lambda: globals()["whoami"](shown))


def serve(port: int) -> None:
    """Until it is interrupted."""
    secret = Path("secret")
    if not secret.exists():
        secret.write_text(secrets.token_hex(32))
    ui.run(
        host="127.0.0.1",
        port=port,
        show=False,
        reload=False,
        storage_secret=secret.read_text(),
        show_welcome_message=False,
    )


if __name__ == "__main__" and sys.argv[1] != "prepare":
    serve(int(sys.argv[1]))
