"""Flask with Flask-Login, SQLAlchemy and a template: a page of the user's notes."""

from __future__ import annotations

from flask import Flask, render_template_string, request
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user

from benchmarks.programs.web import notes as common

PAGE = """<!doctype html><title>Notes</title><h1>{{ user }}</h1>
<ul>{% for note in notes %}<li id="{{ note.id }}">{{ note.title }} <i>{{ note.owner }}</i></li>{% endfor %}</ul>"""

common.sentry()
app = Flask(__name__)
app.secret_key = "a secret"
manager = LoginManager(app)
make_session = None
activity = common.Activity()


class Account(UserMixin):
    """Who has logged in."""

    def __init__(self, name: str) -> None:
        self.id = name


@manager.user_loader
def load(name: str) -> Account:
    """By the name in the session."""
    return Account(name)


@app.get("/login")
def login() -> str:
    """Remember who it is."""
    login_user(Account(request.args["user"]))
    return "welcome"


@app.get("/notes")
@login_required
def notes() -> str:
    """The user's notes."""
    global make_session  # noqa: PLW0603 - after the fork: each worker has its own
    make_session = make_session or common.sessions()
    name = current_user.id
    token = common.current_user.set(name)
    try:
        with make_session() as session:
            found = common.Notes(session, name).latest()
            activity.emit_viewed(name, len(found))
            return render_template_string(PAGE, user=name, notes=found)
    finally:
        common.current_user.reset(token)
