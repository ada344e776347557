"""Django's persistent connections to PostgreSQL: a tenant's ``search_path`` that is left for the next request."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from clients import NAMED, told

import isolation_audit
from postgres_server import postgres_server

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server():
    with postgres_server() as url:
        yield url


@pytest.fixture
def connection(server, monkeypatch):
    """A connection that lasts, which its thread would keep from request to request."""
    library = pytest.importorskip("django")
    from django.conf import settings
    from django.db.utils import ConnectionHandler

    if not settings.configured:
        settings.configure()
    library.setup()
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # what is tried here runs in a coroutine
    at = urlsplit(server)
    database = {"ENGINE": "django.db.backends.postgresql", "NAME": at.path.lstrip("/"), "HOST": at.hostname}
    database |= {"PORT": at.port, "USER": at.username, "PASSWORD": at.password, "CONN_MAX_AGE": None}
    opened = ConnectionHandler({"default": database})["default"]
    with opened.cursor() as cursor:  # before anybody looks
        for table, of in (("public.notes", "everybody"), ("tenant_alice.notes", "alice")):
            cursor.execute("CREATE SCHEMA IF NOT EXISTS tenant_alice")
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} AS SELECT '{of}' AS owner")
    opened.close()
    yield opened
    opened.close()


def visits(connection: Any, *works: Any) -> Any:
    """Each piece of work is alice's, or bob's, in turn."""

    async def scenario() -> list[Any]:
        got = []
        for number, work in enumerate(works):
            with isolation_audit.user_scope(("alice", "bob")[number % 2]):
                got.append(work(connection))
        return got

    return scenario


def of_tenant(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET search_path TO tenant_alice")


def back_again(connection: Any) -> None:
    of_tenant(connection)
    with connection.cursor() as cursor:
        cursor.execute("RESET search_path")


def taken_back(connection: Any) -> None:
    connection.set_autocommit(False)
    of_tenant(connection)
    connection.rollback()
    connection.set_autocommit(True)


def asks(connection: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT owner FROM notes")
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize(("first", "left"), [(of_tenant, True), (back_again, False), (taken_back, False)])
def test_a_search_path_that_the_next_one_meets(audited, connection, first, left):
    done = audited(visits(connection, first, asks), NAMED)
    assert done.result[1] == ("alice" if left else "everybody")
    assert told(done.findings) == ([("IA505", "bob", "alice")] if left else [])


def test_a_new_connection_has_nothing_of_the_last_one_s(audited, connection):
    def closes(connection: Any) -> None:
        of_tenant(connection)
        connection.close()

    done = audited(visits(connection, closes, asks), NAMED)
    assert done.result[1] == "everybody"
    assert done.findings == {}
