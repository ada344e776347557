"""Notes on Quart, with the logins of Quart-Auth and a chat by WebSocket: an application of our own."""

import asyncio
import sqlite3
import sys

import uvicorn
from quart import Quart, g, jsonify, redirect, render_template_string, request, websocket
from quart_auth import AuthUser, QuartAuth, current_user, login_required, login_user, logout_user

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"
PAGE = """\
<title>notes of {{ name }}</title>
<ul>{% for owner, note in notes %}<li>{{ owner }}: {{ note }}</li>{% endfor %}</ul>
<form method="post" action="/notes"><input name="note"></form>
"""
LOGIN = '<form method="post" action="/login"><input name="username"><input name="password"></form>'

app = Quart(__name__)
app.secret_key = "x" * 32
app.config |= {"QUART_AUTH_COOKIE_SECURE": False}
QuartAuth(app)
listening: dict[str, set[asyncio.Queue[str]]] = {}


def database():
    """A connection for each request."""
    if "database" not in g:
        g.database = sqlite3.connect("notes.sqlite3")
    return g.database


@app.teardown_appcontext
async def close(_error):
    if "database" in g:
        g.database.close()


@app.get("/login")
async def login_page():
    return LOGIN


@app.post("/login")
async def login():
    form = await request.form
    if form["username"] not in USERS or form["password"] != PASSWORD:
        return "who are you?", 401
    login_user(AuthUser(form["username"]))
    return redirect("/")


@app.post("/logout")
async def logout():
    logout_user()
    return redirect("/login")


@app.get("/")
@login_required
async def home():
    owner = request.args.get("of", current_user.auth_id)
    notes = database().execute("SELECT owner, note FROM notes WHERE owner = ?", (owner,)).fetchall()
    return await render_template_string(PAGE, name=current_user.auth_id, notes=notes)


@app.post("/notes")
@login_required
async def add():
    note = (await request.form)["note"]
    with database() as connection:
        connection.execute("INSERT INTO notes VALUES (?, ?)", (current_user.auth_id, note))
    return redirect("/")


@app.get("/api/me")
@login_required
async def me():
    return jsonify(user=current_user.auth_id)


@app.get("/api/counts")
@login_required
async def counts():
    return jsonify(dict(database().execute("SELECT owner, count(*) FROM notes GROUP BY owner ORDER BY owner")))


@app.get("/api/notes.txt")
@login_required
async def stream():
    notes = database().execute("SELECT note FROM notes WHERE owner = ?", (current_user.auth_id,)).fetchall()

    async def lines():
        for (note,) in notes:
            yield f"{note}\n"

    return lines(), {"content-type": "text/plain"}


@app.websocket("/chat/<room>")
@login_required
async def chat(room):
    """What one says in a room, all that are in it hear."""
    mine: asyncio.Queue[str] = asyncio.Queue()
    listening.setdefault(room, set()).add(mine)
    sending = asyncio.ensure_future(pass_on(mine))
    try:
        while True:
            said = await websocket.receive()
            for other in listening[room]:
                other.put_nowait(f"{current_user.auth_id}: {said}")
    finally:
        sending.cancel()
        listening[room].discard(mine)


async def pass_on(mine):
    """Send what is said."""
    while True:
        await websocket.send(await mine.get())


def prepare():
    """The database."""
    with sqlite3.connect("notes.sqlite3") as connection:
        connection.execute("CREATE TABLE notes (owner TEXT, note TEXT)")
        connection.executemany("INSERT INTO notes VALUES (?, ?)", [(user, f"first of {user}") for user in USERS])
    connection.close()


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
