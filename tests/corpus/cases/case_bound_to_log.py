# requires: structlog==24.1.0
# A job binds its customer to structlog's context, for the lines of others below it, and never clears that.
# An auditor should find: the lines of bob's job, on the same thread, carry alice's account.
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import structlog

current_user = ContextVar("current_user", default=None)
lines = []
structlog.configure(
    processors=[structlog.contextvars.merge_contextvars, lambda _logger, _name, event: lines.append(event) or ""],
    logger_factory=structlog.ReturnLoggerFactory(),
)
log = structlog.get_logger()


def pay(user, known):
    current_user.set(user)
    if known:
        structlog.contextvars.bind_contextvars(account=user)
    log.info("paid")


with ThreadPoolExecutor(1) as pool:
    pool.submit(pay, "alice", known=True).result()
    pool.submit(pay, "bob", known=False).result()
print(lines, "->", "LEAK" if lines[1].get("account") == "alice" else "OK")
