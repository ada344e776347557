# requires: flask==2.2.5 werkzeug==2.2.3 flask-login==0.6.2
# The clean twin of case_flask_last_order: the order is kept in the customer's own session.
import threading
import urllib.request

from flask import Flask, session
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from werkzeug.serving import WSGIRequestHandler, make_server

app = Flask(__name__)
app.secret_key = "k"
manager = LoginManager(app)


class Customer(UserMixin):
    def __init__(self, name):
        self.id = name


manager.user_loader(Customer)


@app.get("/login/<name>")
def login(name):
    login_user(Customer(name))
    return "welcome"


@app.get("/order")
@login_required
def order():
    session["mail"] = f"{current_user.id}@example.com"
    return "thank you"


@app.get("/confirmation")
@login_required
def confirmation():
    return f"a copy was sent to {session['mail']}"


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
bob.get("/order")
alice.get("/order")
got = bob.get("/confirmation")
server.shutdown()
print("bob got", got, "->", "LEAK" if "alice" in got else "OK")
