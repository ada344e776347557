# requires: structlog==24.1.0
# The clean twin of case_bound_to_log: each job begins with a cleared context, or binds for a block only.
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
    structlog.contextvars.clear_contextvars()
    current_user.set(user)
    if known:
        structlog.contextvars.bind_contextvars(account=user)
    with structlog.contextvars.bound_contextvars(order=f"order of {user}"):
        log.info("ordered")
    log.info("paid")


with ThreadPoolExecutor(1) as pool:
    for user, known in (("alice", True), ("bob", False), ("alice", True)):
        pool.submit(pay, user, known=known).result()
got = [line.get("account") for line in lines]
print(got, "->", "OK" if got == ["alice", "alice", None, None, "alice", "alice"] else "LEAK")
