"""A board on Dash, with the logins of Flask-Login and notes in SQLite: an application of our own."""

import sqlite3
import sys
from contextlib import closing

from dash import Dash, Input, Output, State, dcc, html
from flask import Flask, redirect, request
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"
LOGIN = '<form method="post"><input name="username"><input name="password"></form>'

server = Flask("board")
server.secret_key = "x" * 30
logins = LoginManager(server)


class User(UserMixin):
    def __init__(self, name):
        self.id = name


logins.user_loader(User)


@server.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST" and request.form["username"] in USERS and request.form["password"] == PASSWORD:
        login_user(User(request.form["username"]))
        return redirect("/")
    return LOGIN


@server.post("/logout")
def logout():
    logout_user()
    return redirect("/login")


@server.before_request
def guard():
    if request.path != "/login" and not current_user.is_authenticated:
        return redirect("/login")
    return None


def rows(query, *values):
    with closing(sqlite3.connect("notes.sqlite3")) as connection, connection:
        return connection.execute(query, values).fetchall()


board = Dash("board", server=server, suppress_callback_exceptions=True)


def layout():
    name = current_user.id if current_user and current_user.is_authenticated else "nobody"
    return html.Div(
        [
            html.H1(f"notes of {name}"),
            dcc.Input(id="note"),
            html.Button("add", id="add"),
            dcc.Store(id="kept", storage_type="session"),
            html.Ul(id="list"),
            dcc.Dropdown(list(USERS), id="who"),
            dcc.Graph(id="counts"),
            html.P(id="greeting"),
            html.P(id="latest"),
        ]
    )


board.layout = layout


@board.callback(
    Output("list", "children"),
    Output("kept", "data"),
    Input("add", "n_clicks"),
    State("note", "value"),
    State("kept", "data"),
)
def add(_clicks, note, _kept):
    if note:
        rows("INSERT INTO notes VALUES (?, ?)", current_user.id, note)
    mine = rows("SELECT note FROM notes WHERE owner = ?", current_user.id)
    return [html.Li(text) for (text,) in mine], {"count": len(mine), "latest": note}


@board.callback(Output("counts", "figure"), Input("who", "value"))
def counts(who):
    found = rows("SELECT owner, count(*) FROM notes GROUP BY owner ORDER BY owner")
    owners, numbers = [owner for owner, _ in found], [number for _, number in found]
    return {"data": [{"x": owners, "y": numbers, "type": "bar"}], "layout": {"title": f"and {who}"}}


def greeting(_clicks):
    return f"good morning, {current_user.id}"


def latest(_clicks):
    return rows("SELECT note FROM notes WHERE owner = ?", current_user.id)[-1][0]


def serve(port, greets=greeting, tells=latest):
    board.callback(Output("greeting", "children"), Input("add", "n_clicks"))(greets)
    board.callback(Output("latest", "children"), Input("add", "n_clicks"))(tells)
    server.run("127.0.0.1", port, threaded=True)


def prepare():
    rows("CREATE TABLE notes (owner TEXT, note TEXT)")
    for user in USERS:
        rows("INSERT INTO notes VALUES (?, ?)", user, f"first of {user}")


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        serve(int(sys.argv[1]))
