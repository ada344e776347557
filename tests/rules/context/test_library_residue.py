"""What libraries keep in context variables of their own, as structlog does: another's work finds it there."""

from __future__ import annotations

import pytest

STRUCTLOG = """
import structlog

lines = []
structlog.configure(
    processors=[structlog.contextvars.merge_contextvars, lambda _logger, _name, event: lines.append(event) or ""],
    logger_factory=structlog.ReturnLoggerFactory(),
)
log = structlog.get_logger()

def job(user, signs_in):
    current_user.set(user)
    {begin}
    if signs_in:
        structlog.contextvars.bind_contextvars(account=user)
    log.info("paid")  # by bob

def main():
    with ThreadPoolExecutor(1) as pool:
        for one in (("alice", True), ("bob", False), ("alice", False)):
            pool.submit(job, *one).result()
    return [line.get("account") for line in lines]
"""


def test_structlog(outcome_of) -> None:
    pytest.importorskip("structlog")
    outcome = outcome_of(STRUCTLOG.replace("{begin}", "pass"))
    assert outcome.result == ["alice"] * 3
    assert outcome.found == [("IA503", "bob", "alice", 'log.info("paid")  # by bob')]


def test_structlog_with_a_word_that_contains_an_id(outcome_of) -> None:
    pytest.importorskip("structlog")
    source = (
        STRUCTLOG.replace("{begin}", "pass").replace('"alice"', '"ann"').replace("account=user", 'account="annual"')
    )
    assert outcome_of(source).found == []


@pytest.mark.parametrize(
    "begin", ["structlog.contextvars.clear_contextvars()", "structlog.contextvars.bind_contextvars(account=user)"]
)
def test_structlog_that_is_cleared_or_bound_anew(outcome_of, begin: str) -> None:
    pytest.importorskip("structlog")
    assert outcome_of(STRUCTLOG.replace("{begin}", begin)).found == []
