# requires: opentelemetry-api==1.25.0 opentelemetry-sdk==1.25.0
# A job notes its customer for every span below it, and leaves the note on the thread when it fails.
# An auditor should find: the span of bob's report carries the note of alice's, on the same thread.
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

from opentelemetry import baggage, context

current_user = ContextVar("current_user", default=None)


def report(user, vip):
    current_user.set(user)
    if vip:
        token = context.attach(baggage.set_baggage("customer", user))
        if not user.endswith("bob"):
            raise RuntimeError("no data yet")
        context.detach(token)
    return f"span of {user}, customer {baggage.get_baggage('customer')}"


with ThreadPoolExecutor(1) as pool:
    failed = pool.submit(report, "alice", True).exception()
    got = pool.submit(report, "bob", False).result()
print(got, "->", "LEAK" if "alice" in got else "OK")
