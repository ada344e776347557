"""Which listeners of a pool may clean its connections: told by their code, on each supported Python."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import Any

import pytest

from isolation_audit.integrations.sqlalchemy_listeners import may_clean

counted: list[Any] = []


class Metrics:
    """Listeners as instrumentations have them."""

    def idle(self, _connection: Any, _record: Any) -> None:
        counted.append(self)

    def measured(self, _connection: Any, record: Any, _proxy: Any) -> None:
        record.info["since"] = time.monotonic()

    @classmethod
    def of_class(cls, connection: Any, record: Any) -> None:
        counted.append(cls)

    def cleans(self, connection: Any, _record: Any) -> None:
        connection.cursor()

    def __call__(self, _connection: Any, _record: Any) -> None:
        counted.append(self)


def counts(connection: Any, record: Any) -> None:
    counted.append(1)


def counts_all(*_args: Any, **_kwargs: Any) -> None:
    counted.append(1)


def measures(connection: Any, record: Any) -> None:
    began = record.info.pop("since", None)
    if began is not None and record.record_info.get("loud"):
        counted.append(time.monotonic() - began)


def gives_up(_connection: Any, record: Any, proxy: Any) -> None:
    # As SQLAlchemy's documentation has it, for processes that fork.
    if record.info["pid"] != os.getpid():
        record.dbapi_connection = proxy.dbapi_connection = None
        raise LookupError


def forgets(connection: Any, record: Any) -> None:
    del connection, record


@pytest.mark.parametrize(
    "listener",
    [counts, counts_all, measures, gives_up, forgets, Metrics().idle, Metrics().measured, Metrics().of_class],
)
def test_who_never_uses_the_connection(listener: Any) -> None:
    assert not may_clean([listener])
    assert not may_clean([listener, counts])


def by_cursor(connection: Any, record: Any) -> None:
    connection.cursor().execute("DISCARD ALL")


def by_record(_connection: Any, record: Any) -> None:
    record.dbapi_connection.rollback()


def by_proxy(_connection: Any, _record: Any, proxy: Any) -> None:
    counted.append(proxy)


def by_star(*args: Any) -> None:
    args[0].rollback()


def by_keywords(**given: Any) -> None:
    given["dbapi_connection"].rollback()


def by_closure(connection: Any, record: Any) -> None:
    def clean() -> None:
        connection.rollback()

    clean()


def by_comprehension(connection: Any, record: Any) -> None:
    counted.extend(connection for _ in range(1))


def by_reflection(connection: Any, record: Any) -> None:
    locals()["connection"].rollback()


def both_at_once(connection: Any, record: Any) -> None:
    counted.append((record, connection))


@pytest.mark.parametrize(
    "listener",
    [
        by_cursor,
        by_record,
        by_proxy,
        by_star,
        by_keywords,
        by_closure,
        by_comprehension,
        by_reflection,
        both_at_once,
        Metrics().cleans,
        Metrics.idle,  # its connection is what it calls self
        Metrics(),
        partial(counts),
        print,
    ],
)
def test_who_may_use_it(listener: Any) -> None:
    assert may_clean([listener])
    assert may_clean([counts, listener])


def test_a_method_is_known_apart_from_its_function() -> None:
    assert not may_clean([Metrics().idle])
    assert may_clean([Metrics.idle])
    assert not may_clean([Metrics().idle])
