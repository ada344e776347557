# requires: flask==2.2.5 werkzeug==2.2.3 flask-login==0.6.2
# The shop keeps the last order in the module, "for the confirmation page"; who reloads that page later sees another's.
# Nothing but Flask-Login says who is there. An auditor should find: the page for bob shows what is alice's.
import threading
import urllib.request

from flask import Flask
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from werkzeug.serving import WSGIRequestHandler, make_server

app = Flask(__name__)
app.secret_key = "k"
manager = LoginManager(app)
last_order = {}


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
    last_order["mail"] = f"{current_user.id}@example.com"
    return "thank you"


@app.get("/confirmation")
@login_required
def confirmation():
    return f"a copy was sent to {last_order['mail']}"


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
