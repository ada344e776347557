"""A notebook for several users, told apart by a gateway's header."""

import sys

from flask import Flask, request

app = Flask(__name__)
notes: dict[str, list[str]] = {}


@app.get("/")
def home():
    token = f'<input type="hidden" name="csrf_token" value="{id(app)}">'
    return f'<form method="post" action="/add"><input name="text" value="new">{token}</form>'


@app.post("/add")
def add():
    notes.setdefault(request.headers["x-user"], []).append(request.form["text"])
    return "added", 201


@app.get("/mine")
def mine():
    return {"user": request.headers["x-user"], "notes": notes.get(request.headers["x-user"], [])}


@app.get("/news")
def news():
    return {"news": []}


if __name__ == "__main__" and sys.argv[1] != "prepare":
    app.run("127.0.0.1", int(sys.argv[1]))
