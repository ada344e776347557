"""Flask with Flask-Login, on werkzeug's server."""

import threading

from assistant import Browser, Keeper, known, say
from flask import Flask, jsonify
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user
from werkzeug.serving import make_server

app = Flask(__name__)
app.secret_key = "k"
manager = LoginManager(app)
keeper = Keeper()


class Person(UserMixin):
    def __init__(self, number, email):
        self.id = number
        self.email = email


PEOPLE = {"1": Person(1, "alice@example.com"), "2": Person(2, "bob@example.com")}


@manager.user_loader
def load(number):
    return PEOPLE.get(number)


@app.get("/login/<number>")
def login(number):
    login_user(PEOPLE[number])
    return jsonify(known())


@app.get("/logout")
def logout():
    logout_user()
    return jsonify(known())


@app.get("/front")
def front():
    return jsonify([current_user.is_authenticated, known()])


@app.get("/ask")
@login_required
def ask():
    keeper.assistant().answer()
    return jsonify(known())


server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
seen = []
for number in "12":
    browser = Browser(server.port)
    seen += [browser.get(path) for path in ("/front", f"/login/{number}", "/ask", "/front", "/logout", "/ask")]
server.shutdown()
say(*seen)
