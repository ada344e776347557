# requires: flask==2.2.5 werkzeug==2.2.3 flask-login==0.6.2
# The repository keeps for whom it reads, and whoever logs in changes that. The rows name nobody.
# An auditor should find: alice is given what was read for bob.
import sqlite3
import threading
import urllib.request

from flask import Flask, jsonify
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from werkzeug.serving import WSGIRequestHandler, make_server

app = Flask(__name__)
app.secret_key = "k"
manager = LoginManager(app)


class Patient(UserMixin):
    def __init__(self, name):
        self.id = name


manager.user_loader(Patient)


class Repository:
    def __init__(self):
        self.db = sqlite3.connect(":memory:", check_same_thread=False)
        self.db.execute("create table prescriptions (patient text, drug text, dose text)")
        rows = [("alice", "Sertraline", "50 mg"), ("bob", "Metformin", "850 mg")]
        self.db.executemany("insert into prescriptions values (?, ?, ?)", rows)
        self.patient = None

    def prescriptions(self):
        asked = "select drug, dose from prescriptions where patient = ?"
        return self.db.execute(asked, (self.patient,)).fetchall()


repository = Repository()


@app.get("/login/<name>")
def login(name):
    login_user(Patient(name))
    repository.patient = current_user.id
    return "welcome"


@app.get("/prescriptions")
@login_required
def prescriptions():
    return jsonify(repository.prescriptions())


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
got = alice.get("/prescriptions")
server.shutdown()
repository.db.close()
print("alice got", got.strip(), "->", "LEAK" if "Metformin" in got else "OK")
