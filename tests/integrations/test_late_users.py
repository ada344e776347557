"""Requests whose user becomes known late, and those of which nothing is known but that their sessions differ."""

from __future__ import annotations

import asyncio
import re
from contextvars import ContextVar
from typing import Any

import httpx
import pytest
from servers import serving
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from isolation_audit.config import parse_config

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
AMBIENT = parse_config({"ambient": {"contextvar": f"{__name__}:current_user"}})


async def ask(app: Any, *paths: str, at_once: bool = False) -> list[str]:
    """What each path is answered, each by a browser of its own."""
    async with serving(app) as url, httpx.AsyncClient(base_url=url.replace("ws:", "http:")) as client:
        calls = [client.get(path, headers={"Cookie": f"session=opaque-{path[1:]}-1f3a9c"}) for path in paths]
        answers = await asyncio.gather(*calls) if at_once else [await call for call in calls]
        return [answer.text for answer in answers]


def streaming(*, shared: bool) -> Starlette:
    """The first part of an answer leaves before anybody has asked who is there."""
    kept: list[str] = []

    async def page(request: Any) -> Any:
        name = request.path_params["name"]

        async def parts() -> Any:
            yield f"hello {kept[-1] if kept else 'you'}\n"
            await asyncio.sleep(0)
            request.scope["user"] = {"username": name}
            if shared:
                kept.append(request.scope["user"]["username"])
            yield "good bye\n"

        return StreamingResponse(parts(), media_type="text/plain")

    return Starlette(routes=[Route("/{name}", page)])


@pytest.mark.parametrize("shared", [True, False])
def test_what_was_sent_before_its_user_was_known_is_judged_when_that_is_known(audited, shared):
    done = audited(lambda: ask(streaming(shared=shared), "/alice-liddell", "/bob-builder"))
    assert done.result[1] == f"hello {'alice-liddell' if shared else 'you'}\ngood bye\n"
    assert done.counts == ({"IA203": 1} if shared else {})


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture
def engine():
    made = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    Base.metadata.create_all(made)
    yield made
    made.dispose()


def taking_back(engine: Any, *, shared: bool) -> Starlette:
    """The application takes its variable back before the answer leaves; what it did meanwhile was seen."""
    kept: list[str] = []

    async def page(request: Any) -> Any:
        token = current_user.set(request.path_params["name"])
        try:
            with Session(engine) as session:
                session.add(Order())
                session.rollback()
            if not (shared and kept):
                kept[:] = [current_user.get()]
            return JSONResponse({"for": kept[0]})
        finally:
            current_user.reset(token)

    return Starlette(routes=[Route("/{name}", page)])


@pytest.mark.parametrize("shared", [True, False])
def test_an_answer_is_the_user_s_whom_the_variable_has_named_on_the_way(audited, engine, shared):
    done = audited(lambda: ask(taking_back(engine, shared=shared), "/alice-liddell", "/bob-builder"), AMBIENT)
    assert done.result[1] == ('{"for":"alice-liddell"}' if shared else '{"for":"bob-builder"}')
    assert done.counts == ({"IA203": 1} if shared else {})


@pytest.mark.parametrize("shared", [True, False])
def test_two_unknown_sessions_in_one_transaction_are_two_parties(audited, engine, shared):
    common = Session(engine)

    async def order(request: Any) -> Any:
        session = common if shared else Session(engine)
        session.add(Order())
        await asyncio.sleep(0.2)
        session.rollback()
        return JSONResponse("done")

    app = Starlette(routes=[Route("/{name}", order)])
    done = audited(lambda: ask(app, "/1", "/2", at_once=True))
    common.close()
    assert set(done.counts) == ({"IA505"} if shared else set())
    for finding in done.findings.get("IA505", []):
        assert re.fullmatch(r"session-[0-9a-f]{12}", finding.witnesses.owner)
        assert re.fullmatch(r"session-[0-9a-f]{12}", finding.witnesses.ambient)
        assert finding.witnesses.owner != finding.witnesses.ambient
