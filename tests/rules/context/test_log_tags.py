"""Users whom one request has left in what all requests log with: leaks and clean twins, with the real libraries."""

from __future__ import annotations

import gc
import logging
import weakref
from typing import Any

import pytest
from auditing import Audit, current_user

from isolation_audit.auditor import Auditor
from isolation_audit.integrations import logging as of_logging
from isolation_audit.integrations import loguru as of_loguru
from isolation_audit.rules.context.log_tags import LogTags

shared: Any = None
"""What a module of the application keeps to log with."""


@pytest.fixture
def lines() -> Any:
    """A logger of loguru's that keeps its lines; everything is as it was afterwards."""
    loguru = pytest.importorskip("loguru").logger
    kept: list[str] = []
    loguru.remove()
    loguru.add(lambda line: kept.append(str(line).strip()), format="{extra[user]} {message}")
    loguru.configure(extra={"user": "-"})
    yield kept
    loguru.remove()
    loguru.configure(extra={})


def test_a_user_in_the_tags_of_all_loggers_of_loguru(audit: Audit, lines: Any) -> None:
    from loguru import logger

    audit.as_user("alice", logger.configure, extra={"user": "alice", "version": "1"})
    for user in ("alice", "bob", "bob"):
        audit.as_user(user, logger.info, "hello")
    assert lines == ["alice hello"] * 3
    assert audit.pairs("IA503") == {("alice", "bob")}
    (finding,) = audit.found("IA503")
    assert finding.site is not None
    assert finding.site.top.function.endswith("as_user.<locals>.inside")


def test_who_configures_for_themselves_and_what_nobody_has_configured(audit: Audit, lines: Any) -> None:
    from loguru import logger

    def work(user: str) -> None:
        logger.configure(extra={"user": user})
        logger.info("hello")

    for user in ("alice", "bob", "alice"):
        audit.as_user(user, work, user)
    audit.as_user(None, logger.configure, extra={"user": "alice"})  # a constant, as the program sets one at its start
    audit.as_user("bob", logger.info, "hello")
    assert lines == ["alice hello", "bob hello", "alice hello", "alice hello"]
    assert audit.found("IA503") == []


@pytest.mark.parametrize("as_option", [False, True])
def test_a_logger_of_loguru_that_a_module_keeps(audit: Audit, lines: Any, as_option: bool) -> None:
    global shared
    from loguru import logger

    def work(user: str) -> None:
        global shared
        if shared is None:
            shared = logger.bind(component="orders", user=user)
            shared = shared.bind(more=1).opt(depth=0) if as_option else shared
        shared.info("hello")

    shared = None
    for user in ("alice", "bob"):
        audit.as_user(user, work, user)
    shared = None
    assert lines == ["alice hello"] * 2
    assert len(audit.found("IA503")) == 1


def test_a_module_of_the_application_that_is_called_as_loguru_s_own_file(audit: Audit, lines: Any) -> None:
    from loguru import logger

    module: dict[str, Any] = {"__name__": "chat_logger", "logger": logger}
    source = "def work(user):\n    globals().setdefault('kept', logger.bind(user=user)).info('hello')\n"
    exec(compile(source, "/srv/chat/chat_logger.py", "exec"), module)
    for user in ("alice", "bob"):
        audit.as_user(user, module["work"], user)
    assert lines == ["alice hello"] * 2
    assert audit.pairs("IA503") == {("alice", "bob")}


def test_loggers_of_ones_own(audit: Audit, lines: Any) -> None:
    """One a request, what an object of alice's logs with, and one that a context manager gives back."""
    from loguru import logger

    class Connection:
        def __init__(self, user: str) -> None:
            self.log = logger.bind(user=user)

        def send(self) -> None:
            self.log.info("sent")

    def work(user: str) -> None:
        logger.bind(user=user).info("hello")
        with logger.contextualize(user=user):
            logger.info("within")

    connection = audit.as_user("alice", Connection, "alice")
    for user in ("alice", "bob"):
        audit.as_user(user, work, user)
        audit.as_user(user, connection.send)
    assert lines == [
        f"{user} {word}"
        for user, word in (("alice", "hello"), ("alice", "within"), ("alice", "sent"), ("bob", "hello"))
    ] + ["bob within", "alice sent"]
    assert audit.found("IA503") == []


class Keeping(logging.Filter):
    """It adds whoever was set on it last."""

    user: str | None

    def __init__(self) -> None:
        super().__init__()
        self.user = None

    def filter(self, record: logging.LogRecord) -> bool:
        record.user = self.user
        return True


class Asking(Keeping):
    """It adds whoever is running; what it has in a field is the same for all."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.user = current_user.get()
        return True


class Listing(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.user} {record.getMessage()}")


class Own(logging.Logger):
    """A logger that nobody else gets by its name."""


@pytest.fixture
def logger() -> Any:
    """A logger of the standard library's with one handler."""
    made = Own("orders")
    made.addHandler(Listing())
    return made


@pytest.mark.parametrize("on_handler", [False, True])
@pytest.mark.parametrize("kind", [Keeping, Asking])
def test_a_filter_that_keeps_a_user(audit: Audit, logger: Any, kind: type[Keeping], on_handler: bool) -> None:
    kept = kind()
    (handler,) = logger.handlers
    (handler if on_handler else logger).addFilter(kept)

    def work(user: str) -> None:
        if user == "alice":
            kept.user = user
        logger.info("hello")

    audit.as_user(None, logger.info, "begun")
    for user in ("alice", "bob", "bob"):
        audit.as_user(user, work, user)
    leaking = kind is Keeping
    assert handler.lines == ["None begun", "alice hello", *[f"{'alice' if leaking else 'bob'} hello"] * 2]
    assert len(audit.found("IA503")) == leaking


def test_filters_that_are_set_anew_and_what_never_changes(audit: Audit, logger: Any) -> None:
    kept, constant = Keeping(), Keeping()
    constant.user = "alice"  # a name of the program's own, whoever else is called so

    def work(user: str) -> None:
        kept.user = user
        logger.info("hello")

    logger.addFilter(kept)
    audit.as_user(None, logger.info, "begun")
    for user in ("alice", "bob", "alice", "bob"):
        audit.as_user(user, work, user)
    logger.removeFilter(kept)
    logger.addFilter(constant)
    for user in ("alice", "bob"):
        audit.as_user(user, logger.info, "hello")
    assert audit.found("IA503") == []


class Comparing(Keeping):
    """It compares itself as it likes, and may not be asked to."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    def __hash__(self) -> int:
        raise AssertionError("hashed")


def test_filters_are_told_apart_without_asking_them(audit: Audit, logger: Any) -> None:
    kept = Comparing()
    logger.filters.append(kept)
    audit.as_user(None, logger.info, "begun")

    def work(user: str) -> None:
        kept.user = "alice"
        logger.info("hello")

    for user in ("alice", "bob", "bob"):
        audit.as_user(user, work, user)
    assert audit.pairs("IA503") == {("alice", "bob")}
    assert audit.auditor.runtime.barrier.counts == {}


def test_an_adapter_that_a_module_keeps(audit: Audit, logger: Any) -> None:
    global shared
    shared = logging.LoggerAdapter(logger, {"user": "-"})

    def work(user: str) -> None:
        if user == "alice":
            shared.extra["user"] = user
        shared.info("hello")

    for user in ("nobody", "alice", "bob"):
        audit.as_user(user, work, user)
    assert logger.handlers[0].lines == ["- hello", "alice hello", "alice hello"]
    shared = None
    (finding,) = audit.found("IA503")
    assert finding.site is not None
    assert finding.site.top.function.endswith("work")


def test_adapters_of_ones_own(audit: Audit, logger: Any) -> None:
    def work(user: str) -> None:
        logging.LoggerAdapter(logger, {"user": user}).info("hello")

    alices = logging.LoggerAdapter(logger, {"user": "-"})
    for user in ("alice", "bob"):
        audit.as_user(user, work, user)
        alices.extra["user"] = "alice"
        audit.as_user(user, alices.info, "her connection")
    assert audit.found("IA503") == []


POINTS = [
    (of_loguru.BindPoint, "before"),
    (of_loguru.BindPoint, "after"),
    (of_loguru.ConfigurePoint, "before"),
    (of_loguru.ConfigurePoint, "after"),
    (of_loguru.LinePoint, "before"),
    (of_logging.FilterPoint, "before"),
    (of_logging.FilterPoint, "after"),
    (of_logging.AdapterPoint, "before"),
]


@pytest.mark.parametrize(("point", "hook"), POINTS)
def test_faults_change_nothing(
    monkeypatch: pytest.MonkeyPatch, lines: Any, logger: Any, point: type, hook: str
) -> None:
    from auditing import config
    from loguru import logger as loguru

    def broken(*_args: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(point, hook, broken)
    with Auditor(config()) as auditor:
        loguru.configure(extra={"user": "alice"})
        loguru.bind(user="bob").info("hello")
        loguru.info("hello")
        logger.addFilter(Keeping())
        logging.LoggerAdapter(logger, {"more": 1}).info("hello")
    assert lines == ["bob hello", "alice hello"]
    assert logger.handlers[0].lines == ["None hello"]
    assert auditor.runtime.barrier.counts


def test_all_comes_back() -> None:
    loguru = pytest.importorskip("loguru")
    kind = type(loguru.logger)
    watched = [kind.bind, kind.configure, kind._log, logging.Filterer.filter, logging.LoggerAdapter.process]
    from auditing import config

    codes = [one.__code__ for one in watched]
    with Auditor(config()):
        assert all(one.__code__ is not code for one, code in zip(watched, codes, strict=True))
    assert [one.__code__ for one in watched] == codes


class Body:
    """What a request has brought, and an application logs with."""


def test_what_else_is_bound_is_not_kept(audit: Audit, lines: Any) -> None:
    """The tags of one user's logger go when the logger does, whatever else is in them."""
    from loguru import logger

    body = Body()
    gone = weakref.ref(body)
    audit.as_user("alice", lambda: logger.bind(user="alice", body=gone(), text="x" * 10_000_000))
    assert audit.auditor.runtime.part(LogTags)._bound
    del body
    gc.collect()
    assert gone() is None


def test_a_number_too_large_to_be_written_is_no_fault(audit: Audit, lines: Any) -> None:
    from loguru import logger

    audit.as_user("alice", logger.configure, extra={"user": 10**5_000, "other": "alice"})
    assert audit.faults == {}


def test_an_adapter_with_other_names_for_each_line_is_remembered_by_few(audit: Audit, logger: Any) -> None:
    global shared
    shared = logging.LoggerAdapter(logger, {})
    try:
        for number in range(1_000):
            shared.extra = {"user": "-", f"name-{number}": "x" * 10_000}
            audit.as_user("alice", lambda: shared.info("hello"))
        (known,) = audit.auditor.runtime.part(LogTags)._seen.values()
        assert len(known[1]) <= 128
        assert max(len(text) for text, _owner, _again in known[1].values()) <= 1_000
    finally:
        shared = None
