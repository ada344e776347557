# requires: (stdlib only)
# The first request starts the thread that writes all reports, and gives it a copy of its context, which it keeps.
# An auditor should find: bob's report is written while the variable names alice, whose request is long over.
import queue
import threading
from contextvars import ContextVar, copy_context

current_user = ContextVar("current_user", default=None)
reports, written = queue.Queue(), []
worker = None


def write():
    while True:
        text, done = reports.get()
        if done is None:
            return
        written.append(f"{current_user.get()} wrote: {text}")
        done.set()


def request(user):
    global worker
    current_user.set(user)
    done = threading.Event()
    reports.put((f"report of {user}", done))
    if worker is None:
        worker = threading.Thread(target=copy_context().run, args=(write,))
        worker.start()
    done.wait()


for user in ("alice", "bob"):
    thread = threading.Thread(target=request, args=(user,))
    thread.start()
    thread.join()
reports.put(("", None))
worker.join()
print(written, "->", "LEAK" if "alice wrote: report of bob" in written else "OK")
