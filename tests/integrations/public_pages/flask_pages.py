"""Flask-Login, which loads the user where somebody asks for one."""

import threading

from flask import Flask, jsonify
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user
from pages import public, visit, welcome
from werkzeug.serving import make_server

app = Flask(__name__)
app.secret_key = "k"
app.config["SESSION_COOKIE_NAME"] = "lang"
manager = LoginManager(app)


class Person(UserMixin):
    def __init__(self, name):
        self.id, self.email = name, f"{name}@example.com"


manager.user_loader(Person)


@app.get("/login/<name>")
def login(name):
    login_user(Person(name))
    return jsonify("welcome")


@app.get("/logout")
def logout():
    logout_user()
    return jsonify("bye")


@app.get("/private")
@login_required
def private():
    return jsonify(welcome(current_user.id))


@app.get("/public")
def page():
    return jsonify(public())


server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
visit(server.port)
server.shutdown()
