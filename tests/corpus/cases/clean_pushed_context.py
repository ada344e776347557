# requires: flask==2.2.5 werkzeug==2.2.3 flask-login==0.6.2
# The clean twin of case_pushed_context: each job has a context of its own; what stays on the thread is nobody's.
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

from flask import Flask, g

current_user = ContextVar("current_user", default=None)
tenant = ContextVar("tenant", default=None)
statistics = ContextVar("statistics", default=None)
app = Flask(__name__)


def export(user):
    current_user.set(user)
    if statistics.get() is None:
        statistics.set({"jobs": 0})
    statistics.get()["jobs"] += 1
    token = tenant.set(f"tenant of {user}")
    try:
        with app.app_context():
            g.account = f"account of {user}"
            return f"{g.account}, {tenant.get()}"
    finally:
        tenant.reset(token)


with ThreadPoolExecutor(1) as pool:
    got = [pool.submit(export, user).result() for user in ("alice", "bob", "alice")]
print(got, "->", "LEAK" if "alice" in got[1] or "bob" in got[2] else "OK")
