# requires: flask==2.2.5 werkzeug==2.2.3 flask-login==0.6.2
# A job on a worker thread pushes an application context where there is none, and leaves it there with what is in `g`.
# An auditor should find: bob's job reads the account that alice's has left in the thread's context.
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

from flask import Flask, g, has_app_context

current_user = ContextVar("current_user", default=None)
app = Flask(__name__)


def export(user):
    current_user.set(user)
    if not has_app_context():
        app.app_context().push()
    if "account" not in g:
        g.account = f"account of {user}"
    return g.account


with ThreadPoolExecutor(1) as pool:
    got = [pool.submit(export, user).result() for user in ("alice", "bob")]
print(got, "->", "LEAK" if "alice" in got[1] else "OK")
