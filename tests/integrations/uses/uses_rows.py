"""Reading rows, in all the ways in which libraries hand them on."""

from __future__ import annotations

from typing import Any

from uses import outcome, use


@use("sqlalchemy_rows")
def sqlalchemy_rows() -> Any:
    from sqlalchemy import column, create_engine, insert, text
    from sqlalchemy import table as table_of

    engine, table = create_engine("sqlite://"), table_of("t", column("n"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (n int)"))
        connection.execute(text("INSERT INTO t VALUES (:n)"), [{"n": n} for n in range(5)])
    with engine.connect() as connection:
        read = [connection.execute(text("SELECT n FROM t ORDER BY n")) for _ in range(5)]
        plain = [read[0].fetchone(), read[1].fetchmany(2), read[2].fetchall(), list(read[3]), read[4].scalars().all()]
        ways, made = ("fetchone", "fetchmany", "fetchall"), insert(table).returning(table.c.n)
        parts = [getattr(connection.execute(text("SELECT n FROM t")).yield_per(2), fetch)() for fetch in ways]
        parts += [getattr(connection.execute(made, [{"n": 7}, {"n": 8}]), fetch)() for fetch in ways]
        closed = outcome(read[0].fetchall), outcome(connection.execute, text("nonsense"))
    engine.dispose()
    return repr((plain, parts, [str(one) for one in closed]))


@use("sqlite3_rows")
def sqlite3_rows() -> Any:
    import pickle
    import sqlite3

    db = sqlite3.connect(":memory:")
    cursor = db.cursor()
    cursor.execute("CREATE TABLE t (n int)")
    cursor.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(4)])
    plain = [
        db.execute("SELECT n FROM t WHERE n > ?", (1,)).fetchone(),
        db.execute("SELECT n FROM t").fetchmany(2),
        db.execute("SELECT n FROM t").fetchall(),
        list(db.execute("SELECT n FROM t")),
        db.execute("SELECT n FROM t WHERE n > 9").fetchone(),
        outcome(db.execute, "nonsense"),
        outcome(cursor.execute, "SELECT ?", ()),
    ]
    db.row_factory = sqlite3.Row
    named = [tuple(row) for row in db.execute("SELECT n FROM t").fetchmany()]
    kinds = [type(db).__name__, type(cursor).__name__, isinstance(db, sqlite3.Connection), repr(type(db))]
    closed = outcome(db.close), outcome(db.execute, "SELECT 1")
    return repr((plain, named, kinds, closed, pickle.loads(pickle.dumps(sqlite3.connect)) is sqlite3.connect))


@use("django_rows")
def django_rows() -> Any:
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}, INSTALLED_APPS=[]
        )
    import django

    django.setup()
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (n int)")
        cursor.executemany("INSERT INTO t VALUES (%s)", [(n,) for n in range(4)])
        read = []
        for how in ("fetchone", "fetchmany", "fetchall"):
            cursor.execute("SELECT n FROM t WHERE n > %s", [0])
            read.append(getattr(cursor, how)())
        cursor.execute("SELECT n FROM t")
        read += [list(cursor), cursor.fetchone(), cursor.rowcount]
        wrong = outcome(cursor.execute, "nonsense"), outcome(lambda: cursor.nothing), cursor.fetchone.__name__
        cursor.execute("DROP TABLE t")
    connection.close()
    return repr((read, wrong))
