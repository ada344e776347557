"""Uses of libraries that write logs."""

from __future__ import annotations

import logging
from typing import Any

from uses import as_user, outcome, use

__all__: list[str] = []


@use("loguru")
def of_loguru() -> Any:
    from loguru import logger

    lines: list[str] = []
    logger.remove()
    logger.add(lambda line: lines.append(str(line)), format="{extra[user]} {message}")
    logger.configure(extra={"user": "nobody"})

    def work(user: str) -> Any:
        bound = logger.bind(user=user)
        bound.info("bound")
        bound.opt(depth=1).bind(more=1).info("more")
        with logger.contextualize(user=user):
            logger.info("within")
        logger.configure(extra={"user": user})
        logger.info("configured")
        return [outcome(logger.log, "no level", "text"), outcome(logger.configure, extra=7)]

    got = [as_user(user, work, user) for user in ("alice", "bob")]
    logger.remove()
    logger.configure(extra={})
    return [got, lines]


class _Adding(logging.Filter):
    user: Any = None

    def filter(self, record: logging.LogRecord) -> Any:
        if self.user == "break":
            raise LookupError(self.user)
        record.user = self.user
        return True


@use("logging")
def of_logging() -> Any:
    got: list[Any] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            got.append([record.getMessage(), getattr(record, "user", "none")])

    class Own(logging.Logger):
        """One that nobody else gets by its name."""

    logger, adding = Own("of a use"), _Adding()
    logger.addHandler(Lines())
    logger.addFilter(adding)
    adapter = logging.LoggerAdapter(logger, {"more": "nothing"})
    bare = logging.LoggerAdapter(logger)

    def work(user: str) -> None:
        adding.user = user
        logger.info("plain")
        adapter.info("adapted")
        bare.warning("bare")
        got.append(outcome(adapter.process, "text", None))

    for user in ("alice", "bob"):
        as_user(user, work, user)
        as_user(user, logger.info, "later")
    adding.user = "break"
    got.append(as_user("bob", outcome, logger.info, "never"))
    return got
