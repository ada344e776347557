"""Rows of a real MariaDB, through drivers by hand: what came in so is no leak, and memory is."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB, LEAK
from test_rows import STARLETTE

from mariadb_server import mariadb_server

pytestmark = [pytest.mark.server, pytest.mark.once]
NOTE = ("IA209", "note", BOB, ALICE)
SOURCE = """
import {driver} as driver

def connect():
    return driver.connect(host="127.0.0.1", port={port}, user="root", database="test", autocommit=True)

with connect() as made, made.cursor() as cursor:
    cursor.execute("CREATE OR REPLACE TABLE notes (field VARCHAR(20), who VARCHAR(40))")

def run(query, parameters):
    connection = connect()
    cursor = connection.cursor()
    try:
        cursor.execute(query, parameters)
        return [row[0] for row in cursor.fetchall()] if cursor.description else None
    finally:
        connection.close()

async def later(query, parameters):
    import aiomysql

    async with aiomysql.connect(host="127.0.0.1", port={port}, user="root", db="test") as connection:
        async with connection.cursor() as cursor:
            await cursor.execute(query, parameters)
            return [row[0] for row in await cursor.fetchall()]

async def keep(field, user):
    run("INSERT INTO notes VALUES (%s, %s)", (field, user))

async def read(field):
    if field == "laundered later":
        return await later("SELECT who FROM notes WHERE who = %s", (MEMORY["plan"]["plan"],))
    if field == "laundered":
        return run("SELECT who FROM notes WHERE who = %s", (MEMORY["plan"]["plan"],))
    return run("SELECT who FROM notes WHERE field = %s", (field,))

app = routes(read, keep)
"""


@pytest.mark.parametrize("driver", ["pymysql", *(["MySQLdb"] if find_spec("MySQLdb") else [])])
def test_rows_are_inputs_and_parameters_are_questions(audit: Any, load_app: Any, driver: str) -> None:
    with mariadb_server() as address:
        module = load_app(STARLETTE + SOURCE.format(driver=driver, port=address.partition(":")[2]))
        client = Client(module.app)
        client.ask(BOB, "/put/own", body=b"")
        client.ask(ALICE, "/put/plan", body=b"")
        assert ALICE in client.ask(BOB, "/get/plan")
        assert audit.found() == [NOTE]
        client.ask(BOB, "/leak/plan")
        assert audit.alarms() == [LEAK]
        # The view is another one, and what it asks with came in nowhere.
        assert ALICE in client.ask(BOB, "/get/laundered")
        assert audit.alarms() == [LEAK, LEAK]
        assert ALICE in client.ask(BOB, "/get/laundered later")
        assert audit.alarms() == [LEAK, LEAK]  # the same view, the same finding: counted twice
        assert sum(entry.count for entry in audit.auditor.recorder.entries() if entry.finding.rule == "IA203") == 3
        client.close()
