"""SQLAlchemy: a session in two users' work at once is a finding; a session each, or one after the other, is silent."""

from __future__ import annotations

import asyncio
from contextvars import Context
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from auditing import Audit, config, current_user
from sqlalchemy import create_engine, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker
from sqlalchemy.pool import StaticPool

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor, current
from isolation_audit.config import Config, model
from isolation_audit.integrations.building_blocks.http_request import sources
from isolation_audit.integrations.sqlalchemy import UsePoint
from isolation_audit.model.contexts import change_unit
from isolation_audit.model.requests import Request

HERE = Path(__file__).name


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]


@pytest.fixture
def engine():
    made = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    Base.metadata.create_all(made)
    yield made
    made.dispose()


def owners(session: Any) -> list[str]:
    return sorted(session.scalars(select(Order.owner)))


async def handle(session: Any, user: str, wait: float, *, fail: bool = False) -> list[str]:
    current_user.set(user)
    session.add(Order(owner=user))
    await asyncio.sleep(wait)
    if fail:
        session.rollback()
        return []
    session.commit()
    return owners(session)


def both(first: Any, second: Any) -> Any:
    async def scenario() -> Any:
        return await asyncio.gather(first(), second())

    return asyncio.run(scenario())


def test_one_session_in_two_tasks(audit: Audit, engine) -> None:
    session = scoped_session(sessionmaker(engine))
    both(lambda: handle(session, "alice", 0.02, fail=True), lambda: handle(session, "bob", 0.01))
    (finding,) = [one for one in audit.found("IA505") if one.witnesses.ambient == "bob"]
    assert finding.witnesses.owner == "alice"
    assert [Path(site.top.file).name for site in (finding.site, finding.origin)] == [HERE, HERE]
    session.remove()


def test_one_asynchronous_session_in_two_tasks(audit: Audit) -> None:
    async def scenario() -> None:
        engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        session = AsyncSession(engine)

        async def work(user: str, after: float) -> None:
            current_user.set(user)
            await asyncio.sleep(after)
            session.add(Order(owner=user))
            await asyncio.sleep(0.03)

        await asyncio.gather(work("alice", 0), work("bob", 0.01))
        current_user.set(None)
        await session.close()
        await engine.dispose()

    asyncio.run(scenario())
    assert audit.pairs("IA505") == {("alice", "bob")}


def test_what_one_task_left_in_the_session(audit: Audit, engine) -> None:
    session = Session(engine)

    async def leave(user: str) -> None:
        current_user.set(user)
        session.add(Order(owner=user))

    async def look(user: str) -> list[str]:
        current_user.set(user)
        return owners(session)

    async def scenario() -> list[str]:
        await asyncio.create_task(leave("alice"))
        return await asyncio.create_task(look("bob"))

    assert asyncio.run(scenario()) == ["alice"]
    assert audit.pairs("IA505") == {("alice", "bob")}
    session.close()


def test_a_session_each(audit: Audit, engine) -> None:
    async def own(user: str) -> None:
        with Session(engine) as session:
            await handle(session, user, 0.01)

    # One connection to one database in memory: the sessions take turns.
    asyncio.run(own("alice"))
    both(lambda: own("bob"), lambda: asyncio.sleep(0))
    assert audit.found("IA505") == []


@pytest.mark.parametrize("block", [False, True])
def test_one_session_that_is_left_clean(audit: Audit, engine, block: bool) -> None:
    session = Session(engine)

    async def work(user: str) -> list[str]:
        current_user.set(user)
        if block:
            with session.begin():
                session.add(Order(owner=user))
        else:
            await handle(session, user, 0)
            session.rollback()
        return []

    async def scenario() -> None:
        for user in ("alice", "bob", "alice"):
            await asyncio.create_task(work(user))

    asyncio.run(scenario())
    assert audit.found("IA505") == []
    session.close()


def test_a_job_that_works_for_all(audit: Audit, engine) -> None:
    async def job(session: Any) -> None:
        for user in ("alice", "bob", "carol"):
            current_user.set(user)
            session.add(Order(owner=user))
        session.commit()

    with Session(engine) as session:
        asyncio.run(job(session))
        audit.as_user("alice", session.add, Order(owner="alice"))
        audit.as_user("bob", session.add, Order(owner="bob"))
        session.commit()
    assert audit.found("IA505") == []


def test_a_thread_that_serves_one_request_after_the_other(audit: Audit, engine) -> None:
    def request(session: Any, user: str) -> None:
        with user_scope(user):
            session.add(Order(owner=user))

    session = Session(engine)
    for user in ("alice", "bob"):
        request(session, user)
    assert audit.pairs("IA505") == {("alice", "bob")}
    session.close()


def test_reading_alone_leaves_nothing(audit: Audit, engine) -> None:
    session = Session(engine)

    async def look(user: str) -> list[str]:
        current_user.set(user)
        return owners(session)

    async def scenario() -> None:
        for user in ("alice", "bob"):
            await asyncio.create_task(look(user))

    asyncio.run(scenario())
    assert audit.found("IA505") == []
    session.close()


def test_faults_change_nothing(monkeypatch, engine) -> None:
    def broken(*_args: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(UsePoint, "before", broken)
    with Auditor(config()) as auditor, Session(engine) as session:
        session.add(Order(owner="alice"))
        session.commit()
        assert owners(session) == ["alice"]
    assert auditor.runtime.barrier.counts


def test_nothing_is_patched_where_it_is_switched_off_and_all_comes_back() -> None:
    code = Session.add.__code__
    with Auditor(config(watch=model.Watch(pools=False))):
        assert Session.add.__code__ is code
    with Auditor(config()):
        assert Session.add.__code__ is not code
    assert Session.add.__code__ is code


def by_request(user: str) -> Any:
    """A context in which a request runs that its header names the user of."""
    request = Request(current().runtime.part(sources), lambda: [("x-user", user)])
    context = Context()
    context.run(partial(change_unit, request=request))
    context.run(request.user)
    return context


def test_two_requests_in_one_session_where_their_headers_say_whose_they_are(engine) -> None:
    with Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor, Session(engine) as session:
        alice, bob = by_request("alice"), by_request("bob")
        for _ in range(3):
            alice.run(session.add, Order(owner="alice"))
            alice.run(session.flush)
        assert auditor.recorder.counts["IA505"] == 0, "one request goes on as long as it likes"
        bob.run(owners, session)
        assert auditor.runtime.objects.get(session).connection.user.id == "bob", "the second request was noticed"
        alice.run(owners, session)
        assert auditor.runtime.objects.get(session).connection.user.id == "alice", "and the first one, going on"
        session.rollback()


def test_a_request_that_goes_on_in_its_transaction_is_not_asked_again_whose_it_is(engine, monkeypatch) -> None:
    with Auditor(Config(report=model.Report(terminal=False))) as auditor, Session(engine) as session:
        alice = by_request("alice")
        alice.run(owners, session)
        asked: list[int] = []
        party = auditor.runtime.ambient.party
        monkeypatch.setattr(auditor.runtime.ambient, "party", lambda: asked.append(1) or party())
        alice.run(owners, session)
        alice.run(owners, session)
        assert asked == []
        by_request("bob").run(owners, session)
        assert asked
