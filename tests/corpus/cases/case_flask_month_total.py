# requires: flask==2.2.5 werkzeug==2.2.3 flask-login==0.6.2
# What somebody has spent is added up once a month, and kept by the month alone. The sum stands in no row.
# An auditor should find: bob is shown what alice has spent.
import sqlite3
import threading
import urllib.request

from flask import Flask, jsonify
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from werkzeug.serving import WSGIRequestHandler, make_server

app = Flask(__name__)
app.secret_key = "k"
manager = LoginManager(app)
db = sqlite3.connect(":memory:", check_same_thread=False)
db.execute("create table expenses (owner text, month text, cents integer)")
rows = [("alice", "2026-10", 118250), ("alice", "2026-10", 42319), ("bob", "2026-10", 90410), ("bob", "2026-10", 31833)]
db.executemany("insert into expenses values (?, ?, ?)", rows)
totals = {}


class Customer(UserMixin):
    def __init__(self, name):
        self.id = name


manager.user_loader(Customer)


@app.get("/login/<name>")
def login(name):
    login_user(Customer(name))
    return "welcome"


@app.get("/totals/<month>")
@login_required
def total(month):
    key = month
    if key not in totals:
        asked = "select cents from expenses where owner = ? and month = ?"
        totals[key] = sum(cents for (cents,) in db.execute(asked, (current_user.id, month)).fetchall())
    return jsonify(month=month, spent=totals[key] / 100)


class Quiet(WSGIRequestHandler):
    def log(self, *words):
        pass


class Browser:
    def __init__(self):
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def get(self, path):
        return self.opener.open(f"http://127.0.0.1:{server.port}{path}", timeout=10).read().decode()


server = make_server("127.0.0.1", 0, app, request_handler=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
alice, bob = Browser(), Browser()
alice.get("/login/alice")
bob.get("/login/bob")
alice.get("/totals/2026-10")
got = bob.get("/totals/2026-10")
server.shutdown()
db.close()
print("bob got", got.strip(), "->", "LEAK" if "1605.69" in got else "OK")
