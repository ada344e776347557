"""What a pooled connection keeps from one user's work to the next, on a real PostgreSQL and on SQLite.

Each case is two users' requests over a pool of one connection; what the second one sees is asserted, too: a leak that
did not happen would prove nothing.
"""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import borrowing
import pytest
from auditing import Audit, config, current_user
from borrowing import Work, execute, request
from sqlalchemy import create_engine, event, func, select, text
from sqlalchemy.exc import DataError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from isolation_audit.auditor import Auditor
from isolation_audit.config import model
from isolation_audit.integrations.sqlalchemy_connections import EndPoint, StatementPoint

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

PLACES = {Path(borrowing.__file__).name, Path(__file__).name}
LEAK = {("alice", "bob")}


SETTINGS: dict[str, Work] = {
    "SET": execute("SET app.user_id = 'alice'"),
    "SET SESSION": execute("set session app.user_id to 'alice'"),
    "set_config": execute("SELECT set_config('app.user_id', 'alice', false)"),
    "set_config, parameters": execute("SELECT set_config('app.user_id', :user, false)", user="alice"),
    "set_config, function": lambda connection: (
        connection.execute(select(func.set_config("app.user_id", "alice", False))),
        connection.commit(),
    ),
    "driver's SQL": lambda connection: (
        connection.exec_driver_sql("SELECT set_config(%s, %s, %s)", ("app.user_id", "alice", False)),
        connection.commit(),
    ),
    "a comment before it": execute("/* of the web */ -- now\n SET app.user_id = 'alice'"),
    "one of several": execute("SET search_path TO public; SET app.user_id = 'alice'"),
}


@pytest.mark.server
@pytest.mark.parametrize("left", SETTINGS.values(), ids=SETTINGS.keys())
def test_a_setting_that_names_its_user(audit: Audit, engine: Engine, left: Work) -> None:
    request(audit, engine, "alice", left)
    assert request(audit, engine, "bob", execute("SELECT current_setting('app.user_id', true) FROM orders")) == 2 * [
        "alice"
    ]
    (finding,) = audit.found("IA505")
    assert (finding.witnesses.owner, finding.witnesses.ambient) == ("alice", "bob")
    assert {Path(site.top.file).name for site in (finding.site, finding.origin)} <= PLACES
    assert "app.user_id" not in finding.message


@pytest.mark.server
def test_a_policy_lets_the_other_users_rows_through(audit: Audit, engine: Engine) -> None:
    # The superuser of these tests stands above policies, and the role of a transaction does not.
    look = execute("SET LOCAL ROLE web", "SELECT owner FROM orders")
    assert request(audit, engine, "bob", look) == []
    request(audit, engine, "alice", execute("SET app.user_id = 'alice'"))
    assert request(audit, engine, "bob", look) == ["alice"]
    assert audit.pairs("IA505") == LEAK


CLEAN: dict[str, tuple[Work, Work]] = {
    "set anew": (execute("SET app.user_id = 'alice'"), execute("SET app.user_id = 'bob'")),
    "set anew by the other form": (
        execute("SET app.user_id = 'alice'"),
        execute("SELECT set_config('app.user_id', :user, false)", user="bob"),
    ),
    "set anew for the transaction": (
        execute("SET app.user_id = 'alice'"),
        execute("SET LOCAL app.user_id = 'bob'", commit=False),
    ),
    "SET LOCAL": (execute("SET LOCAL app.user_id = 'alice'"), execute("SELECT 1")),
    "set_config for the transaction": (
        execute("SELECT set_config('app.user_id', 'alice', true)"),
        execute("SELECT 1"),
    ),
    "never committed": (execute("SET app.user_id = 'alice'", commit=False), execute("SELECT 1")),
    "rolled back": (
        lambda connection: (
            execute("SET app.user_id = 'alice'", commit=False)(connection),
            connection.rollback(),
            connection.commit(),
        ),
        execute("SELECT 1"),
    ),
    "rolled back by a statement": (execute("SET app.user_id = 'alice'", "ROLLBACK", "SELECT 1"), execute("SELECT 1")),
    "RESET": (execute("SET app.user_id = 'alice'", "RESET app.user_id"), execute("SELECT 1")),
    "RESET ALL": (execute("SET app.user_id = 'alice'", "RESET ALL"), execute("SELECT 1")),
    "TO DEFAULT": (execute("SET app.user_id = 'alice'", "SET app.user_id TO DEFAULT"), execute("SELECT 1")),
    "emptied": (execute("SET app.user_id = 'alice'", "SET app.user_id = ''"), execute("SELECT 1")),
    "reset by who comes": (execute("SET app.user_id = 'alice'"), execute("RESET ALL")),
    "set anew from rows": (
        execute("SET app.user_id = 'alice'"),
        execute("SELECT set_config('app.user_id', name, false) FROM (VALUES ('bob')) AS one (name)"),
    ),
    "written in a literal": (
        execute("SELECT 'todo; set role alice; set app.user_id = alice'", "SELECT $$; SET app.user_id = 'alice'$$"),
        execute("SELECT 1"),
    ),
    "written in a comment": (
        execute("SELECT 1 -- ; SET app.user_id = 'alice'", "SELECT /* ; SET ROLE alice; /* ; */ SET ROLE alice */ 2"),
        execute("SELECT 1"),
    ),
    "of nobody's name": (execute("SET statement_timeout = '60s'", "SET app.tenant = 'acme'"), execute("SELECT 1")),
}


@pytest.mark.server
@pytest.mark.parametrize(("left", "first"), CLEAN.values(), ids=CLEAN.keys())
def test_a_setting_that_is_not_met(audit: Audit, engine: Engine, left: Work, first: Work) -> None:
    def then(connection: Connection) -> Any:
        first(connection)
        return execute("SELECT coalesce(current_setting('app.user_id', true), '') FROM orders")(connection)

    request(audit, engine, "alice", left)
    assert "alice" not in request(audit, engine, "bob", then)
    assert audit.found("IA505") == []


@pytest.mark.server
def test_ids_that_are_short(audit: Audit, engine: Engine) -> None:
    look = execute("SELECT current_setting('app.user_id', true) FROM orders")
    request(audit, engine, "7", execute("SET statement_timeout = 7000", "SET deadlock_timeout = 7"))
    request(audit, engine, "bob", execute("RESET statement_timeout", "SELECT owner FROM orders"))
    assert audit.found("IA505") == []
    request(audit, engine, "7", execute("SET app.user_id = 7"))
    assert request(audit, engine, "8", look) == ["7", "7"]
    assert audit.pairs("IA505") == {("7", "8")}


@pytest.mark.server
def test_a_job_for_several_users_on_one_connection(audit: Audit, engine: Engine) -> None:
    with engine.connect() as connection:
        audit.as_user("alice", execute("SET app.user_id = 'alice'"), connection)
        audit.as_user("bob", execute("SELECT owner FROM orders"), connection)
    assert audit.found("IA505") == []


@pytest.mark.server
def test_a_connection_that_was_forgotten(audit: Audit, engine: Engine) -> None:
    def forget() -> None:
        execute("SET app.user_id = 'alice'", commit=False)(engine.connect())

    audit.as_user("alice", forget)
    gc.collect()
    look = execute("SELECT coalesce(current_setting('app.user_id', true), '') FROM orders")
    assert request(audit, engine, "bob", look) == ["", ""]
    assert audit.found("IA505") == []


@pytest.mark.server
def test_a_savepoint_that_is_taken_back(audit: Audit, engine: Engine) -> None:
    def left(connection: Connection) -> None:
        with connection.begin():
            part = connection.begin_nested()
            execute("SET app.user_id = 'alice'", commit=False)(connection)
            part.rollback()

    request(audit, engine, "alice", left)
    assert request(audit, engine, "bob", execute("SELECT current_setting('app.user_id', true) FROM orders")) in (
        2 * [""],
        [None, None],
    )
    assert audit.found("IA505") == []


@pytest.mark.server
def test_a_commit_after_a_failure_takes_all_back(audit: Audit, engine: Engine) -> None:
    def left(connection: Connection) -> None:
        execute("SET app.user_id = 'alice'", commit=False)(connection)
        with pytest.raises(DataError):
            execute("SELECT 1 / 0")(connection)
        connection.commit()

    request(audit, engine, "alice", left)
    look = execute("SELECT coalesce(current_setting('app.user_id', true), '') FROM orders")
    assert request(audit, engine, "bob", look) == ["", ""]
    assert audit.found("IA505") == []


@pytest.mark.server
def test_discard_all_outside_of_transactions(audit: Audit, postgres_url: str) -> None:
    engine = create_engine(postgres_url, pool_size=1, max_overflow=0, isolation_level="AUTOCOMMIT")
    look = execute("SELECT coalesce(current_setting('app.user_id', true), '') FROM orders")
    request(audit, engine, "alice", execute("SET app.user_id = 'alice'", "SET ROLE web", "DISCARD ALL", commit=False))
    assert request(audit, engine, "bob", look) == ["", ""]
    assert audit.found("IA505") == []
    request(audit, engine, "alice", execute("SET app.user_id = 'alice'", commit=False))
    assert request(audit, engine, "bob", look) == ["alice", "alice"]
    assert audit.pairs("IA505") == LEAK
    engine.dispose()


@pytest.mark.server
def test_each_leak_once_and_to_whom_it_came(audit: Audit, engine: Engine) -> None:
    look = execute("SELECT owner FROM orders")
    request(audit, engine, "alice", execute("SET app.user_id = 'alice'"))
    request(audit, engine, "alice", look)
    request(audit, engine, None, look)
    request(audit, engine, "bob", execute("SELECT 1"))
    request(audit, engine, "bob", execute("SHOW search_path"))
    assert audit.found("IA505") == []
    for user in ("carol", "bob"):
        request(audit, engine, user, look)
    assert audit.pairs("IA505") == {("alice", "carol")}


@pytest.mark.server
@pytest.mark.parametrize("setup", ["connect", "nobody", "system"])
def test_what_no_user_has_set(postgres_url: str, setup: str) -> None:
    with Auditor(config(identity=model.Identity(system=("service:*",)))) as auditor:
        audit, engine = Audit(auditor), create_engine(postgres_url, pool_size=1, max_overflow=0)
        if setup == "connect":

            @event.listens_for(engine, "connect")
            def prepare(connection: Any, _record: Any) -> None:
                connection.execute("SET ROLE reports")
                connection.commit()

        else:
            request(audit, engine, None if setup == "nobody" else "service:jobs", execute("SET ROLE reports"))
        for user in ("alice", "bob"):
            assert request(audit, engine, user, execute("SELECT current_user::text FROM orders")) == []
        assert audit.found("IA505") == []
        engine.dispose()


@pytest.mark.server
def test_a_role_that_one_user_took(audit: Audit, engine: Engine) -> None:
    # RESET ALL leaves the role as it is.
    request(audit, engine, "alice", execute("SET ROLE reports", "RESET ALL"))
    assert request(audit, engine, "bob", execute("SELECT DISTINCT current_user::text FROM pg_class")) == ["reports"]
    (finding,) = audit.found("IA505")
    assert "as the role of the database session" in finding.message


@pytest.mark.server
@pytest.mark.parametrize(
    "back", ["RESET ROLE", "SET ROLE NONE", "SET SESSION AUTHORIZATION DEFAULT", "RESET SESSION AUTHORIZATION"]
)
def test_a_role_that_is_given_back(audit: Audit, engine: Engine, back: str) -> None:
    taken = "SET ROLE reports" if "ROLE" in back else "SET SESSION AUTHORIZATION reports"
    request(audit, engine, "alice", execute(taken, back))
    assert request(audit, engine, "bob", execute("SELECT DISTINCT current_user::text FROM pg_class")) == ["postgres"]
    assert audit.found("IA505") == []


@pytest.mark.server
def test_a_role_that_every_request_takes(audit: Audit, engine: Engine) -> None:
    for user in ("alice", "bob", "carol"):
        assert request(audit, engine, user, execute("SET ROLE web", "SELECT owner FROM orders")) == []
    request(audit, engine, "dave", execute("SELECT owner FROM orders"))
    assert audit.found("IA505") == []


@pytest.mark.server
@pytest.mark.parametrize(
    "harmless", ["LISTEN news", "PREPARE one AS SELECT 1", "DECLARE one CURSOR WITH HOLD FOR SELECT 1"]
)
def test_what_a_connection_may_keep(audit: Audit, engine: Engine, harmless: str) -> None:
    request(audit, engine, "alice", execute(harmless))
    assert request(audit, engine, "bob", execute("SELECT 1 FROM orders")) == [1, 1]
    assert audit.found("IA505") == []


@pytest.mark.server
@pytest.mark.parametrize("moment", ["checkout", "checkin", "reset"])
def test_a_pool_that_is_cleaned_below_sqlalchemy(audit: Audit, engine: Engine, moment: str) -> None:
    @event.listens_for(engine, moment)
    def clean(connection: Any, *_rest: Any) -> None:
        connection.rollback()
        connection.execute("RESET ALL")
        connection.commit()

    request(audit, engine, "alice", execute("SET app.user_id = 'alice'"))
    assert request(
        audit, engine, "bob", execute("SELECT coalesce(current_setting('app.user_id', true), '') FROM orders")
    ) == ["", ""]
    assert audit.found("IA505") == []


@pytest.mark.server
def test_a_pool_that_is_only_measured(audit: Audit, engine: Engine) -> None:
    seen = []

    @event.listens_for(engine, "checkout")
    def begin(_connection: Any, record: Any, _proxy: Any) -> None:
        record.info["since"] = len(seen)

    @event.listens_for(engine, "checkin")
    def end(_connection: Any, record: Any) -> None:
        seen.append(record.info["since"])

    request(audit, engine, "alice", execute("SET app.user_id = 'alice'"))
    assert request(audit, engine, "bob", execute("SELECT current_setting('app.user_id') FROM orders")) == 2 * ["alice"]
    assert seen == [0, 1]
    assert audit.pairs("IA505") == LEAK


@pytest.mark.server
def test_a_pool_that_opentelemetry_counts(audit: Audit, engine: Engine) -> None:
    from opentelemetry.instrumentation.sqlalchemy.engine import EngineTracer
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider

    reader = InMemoryMetricReader()
    usage = MeterProvider(metric_readers=[reader]).get_meter("tests").create_up_down_counter("db.client.connections")
    EngineTracer(TracerProvider().get_tracer("tests"), engine, usage)
    request(audit, engine, "alice", execute("SET app.user_id = 'alice'"))
    assert request(audit, engine, "bob", execute("SELECT current_setting('app.user_id') FROM orders")) == 2 * ["alice"]
    assert reader.get_metrics_data().resource_metrics
    assert audit.pairs("IA505") == LEAK


@pytest.mark.server
@pytest.mark.parametrize("how", ["dispose", "invalidate", "detach", "NullPool"])
def test_a_connection_that_is_no_longer_the_same(audit: Audit, postgres_url: str, engine: Engine, how: str) -> None:
    def left(connection: Connection) -> None:
        execute("SET app.user_id = 'alice'")(connection)
        if how in ("invalidate", "detach"):
            getattr(connection, how)()

    if how == "NullPool":
        from sqlalchemy.pool import NullPool

        engine = create_engine(postgres_url, poolclass=NullPool)
    request(audit, engine, "alice", left)
    if how == "dispose":
        engine.dispose()
    assert request(
        audit, engine, "bob", execute("SELECT coalesce(current_setting('app.user_id', true), '') FROM orders")
    ) == ["", ""]
    assert audit.found("IA505") == []


@pytest.mark.server
def test_sessions_and_their_after_begin(audit: Audit, engine: Engine) -> None:
    def orders(user: str, *, tell: bool) -> list[str]:
        with Session(engine) as session:
            if tell:
                session.execute(text("SELECT set_config('app.user_id', :user, false)"), {"user": user})
            rows = list(session.scalars(text("SELECT current_setting('app.user_id', true) FROM orders")))
            session.commit()
            return rows

    for user in ("alice", "bob", "alice"):
        assert audit.as_user(user, orders, user, tell=True) == [user, user]
    assert audit.found("IA505") == []
    assert audit.as_user("bob", orders, "bob", tell=False) == ["alice", "alice"]
    assert audit.pairs("IA505") == LEAK


@pytest.mark.server
def test_the_asynchronous_engine(audit: Audit, postgres_url: str) -> None:
    async def work(engine: Any, user: str, statement: str) -> Any:
        current_user.set(user)
        async with engine.connect() as connection:
            rows = (await connection.execute(text(statement))).scalars().all()
            await connection.commit()
            return rows

    async def scenario() -> Any:
        engine = create_async_engine(postgres_url, pool_size=1, max_overflow=0)
        await asyncio.create_task(work(engine, "alice", "SELECT set_config('app.user_id', 'alice', false)"))
        rows = await asyncio.create_task(work(engine, "bob", "SELECT current_setting('app.user_id') FROM orders"))
        await engine.dispose()
        return rows

    assert asyncio.run(scenario()) == ["alice", "alice"]
    assert audit.pairs("IA505") == LEAK


@pytest.mark.parametrize("point", [StatementPoint, EndPoint])
@pytest.mark.parametrize("hook", ["before", "after"])
def test_faults_change_nothing(monkeypatch: pytest.MonkeyPatch, file: Engine, point: type, hook: str) -> None:
    def broken(*_args: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(point, hook, broken)
    with Auditor(config()) as auditor:
        request(Audit(auditor), file, "alice", execute("CREATE TEMP TABLE cart (x)", "INSERT INTO cart VALUES (7)"))
        assert request(Audit(auditor), file, "bob", execute("SELECT x FROM cart")) == [7]
    assert auditor.runtime.barrier.counts


def test_all_comes_back(file: Engine) -> None:
    from sqlalchemy.engine import Connection, Engine

    names = ("_exec_single_context", "_exec_insertmany_context", "_commit_impl", "_rollback_impl")
    codes = [getattr(Connection, name).__code__ for name in names]
    with Auditor(config()):
        assert all(getattr(Connection, name).__code__ is not code for name, code in zip(names, codes, strict=True))
        with file.connect() as connection:
            execute("SELECT 1")(connection)
    assert [getattr(Connection, name).__code__ for name in names] == codes
    assert Engine._has_events is False
