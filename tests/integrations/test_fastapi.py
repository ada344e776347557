"""FastAPI on a real uvicorn: the current user is what a view depends on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Header, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, OAuth2PasswordBearer
from pydantic import BaseModel
from servers import serving
from test_serving import known

from isolation_audit.config import parse_config

bearer = OAuth2PasswordBearer("token")


class User(BaseModel):
    id: int
    username: str
    email: str


PEOPLE = {
    "opaque-1f3a9c": User(id=1, username="alice", email="alice@example.com"),
    "opaque-77e0d2": User(id=2, username="bob", email="bob@example.com"),
}
ALICE, BOB = PEOPLE


def find(token: str) -> User:
    if token not in PEOPLE:
        raise HTTPException(401)
    return PEOPLE[token]


def get_current_user(token: Annotated[str, Depends(bearer)]) -> User:
    return find(token)


async def current_user_async(token: Annotated[str, Depends(bearer)]) -> User:
    return find(token)


def current_user_yielded(token: Annotated[str, Depends(bearer)]) -> Any:
    yield find(token)


async def current_user_yielded_async(token: Annotated[str, Depends(bearer)]) -> Any:
    yield find(token)


def get_current_active_user(user: Annotated[User, Depends(get_current_user)]) -> User:
    return user


def current_user_id(token: Annotated[str, Depends(bearer)]) -> str:
    return find(token).username


def username(authorization: Annotated[str, Header()]) -> str:
    return find(authorization.removeprefix("Bearer ")).username


class CurrentUser:
    # FastAPI before 0.116 does not look up what annotations of an instance's method mean.
    def __call__(self, token=Depends(bearer)) -> User:
        return find(token)


@dataclass(slots=True)
class Session:
    token: str
    user_id: str


def read_session(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> Session:
    return Session(credentials.credentials, find(credentials.credentials).username)


def verify_token(authorization: Annotated[str, Header()]) -> dict[str, Any]:
    return {"sub": find(authorization.removeprefix("Bearer ")).username, "scopes": ["read"]}


def get_context(user: Annotated[User, Depends(get_current_user)]) -> dict[str, Any]:
    return {"db": object(), "user": user}


async def ask(app: Any, *asked: tuple[str, str | None]) -> list[Any]:
    """What clients are answered, one after the other, by path and token."""
    async with serving(app) as url, httpx.AsyncClient(base_url=url.replace("ws:", "http:")) as client:
        answers = []
        for path, token in asked:
            answer = await client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})
            answers.append(answer.json() if answer.status_code == 200 else answer.status_code)
        return answers


def depending(dependency: Any) -> FastAPI:
    app = FastAPI()

    @app.get("/me")
    async def me(_given: Any = Depends(dependency)) -> Any:
        return known()

    @app.get("/guarded", dependencies=[Depends(dependency)])
    def guarded() -> Any:
        return known()

    @app.get("/open")
    def everybody() -> Any:
        return known()

    return app


@pytest.mark.parametrize(
    "dependency",
    [get_current_user, current_user_async, current_user_yielded, current_user_yielded_async, get_current_active_user,
     current_user_id, username, CurrentUser(), read_session, verify_token, get_context],
)  # fmt: skip
def test_the_current_user_is_what_a_view_depends_on(audited, dependency):
    asked = [
        ("/open", ALICE),
        ("/me", ALICE),
        ("/guarded", BOB),
        ("/open", ALICE),
        ("/open", BOB),
        ("/me", "wrong-token"),
    ]
    done = audited(lambda: ask(depending(dependency), *asked))
    assert done.result == [None, "alice", "bob", "alice", "bob", 401]
    assert done.findings == {}
    summary = done.auditor.snapshot()["summary"]
    assert (summary["users_by_source"]["dependency"], summary["users_by_source"]["credentials"]) == (2, 2)


def get_user(user_id: int, authorization: Annotated[str, Header()] = "") -> User:
    """Another one than whoever asks, as an administrator's page shows them."""
    return next(user for user in PEOPLE.values() if user.id == user_id)


def get_user_settings(authorization: Annotated[str, Header()]) -> Any:
    return {"id": 7, "theme": "dark"}


def get_tenant(authorization: Annotated[str, Header()]) -> Any:
    return {"email": "office@example.com"}


def get_user_s_token(authorization: Annotated[str, Header()]) -> str:
    return authorization.removeprefix("Bearer ")


def verify_scope(authorization: Annotated[str, Header()]) -> str:
    return "orders:write"


def get_mailer() -> Any:
    return {"username": "mailer", "email": "mailer@example.com"}


@pytest.mark.parametrize(
    "dependency", [get_user, get_user_settings, get_user_s_token, verify_scope, get_tenant, get_mailer, bearer]
)
def test_what_else_is_injected_is_nobody(audited, dependency):
    app = FastAPI()

    @app.get("/of/{user_id}")
    async def page(user_id: int, _given: Any = Depends(dependency)) -> Any:
        return known()

    done = audited(lambda: ask(app, ("/of/2", ALICE)))
    assert done.result == [None]
    assert done.findings == {}


def session_of(ticket: Annotated[str, Query()]) -> Any:
    yield {"who": {"name": find(ticket).username}}


@pytest.mark.parametrize("listed", [True, False])
def test_a_function_of_the_configuration_is_asked_whatever_it_is_called(audited, listed):
    app = FastAPI()

    @app.get("/")
    async def page(_given: Any = Depends(session_of)) -> Any:
        return known()

    entry = {"target": f"{__name__}:session_of", "user_id": "[who].name"}
    config = parse_config({"users": [entry] if listed else []})
    done = audited(lambda: ask(app, (f"/?ticket={ALICE}", None), (f"/?ticket={BOB}", None)), config)
    assert done.result == (["alice", "bob"] if listed else [None, None])
    assert done.auditor.snapshot()["summary"]["users_by_source"].get("functions", 0) == (2 if listed else 0)


def whose(token: str) -> User:
    return find(token)


def test_a_function_of_the_configuration_need_not_be_injected(audited):
    app = FastAPI()

    @app.get("/")
    async def page(token: str) -> Any:
        whose(token)
        return known()

    config = parse_config({"users": [{"target": f"{__name__}:whose"}]})
    done = audited(lambda: ask(app, (f"/?token={ALICE}", None), ("/?token=wrong-token", None)), config)
    assert done.result[0] == "alice"


def test_an_overridden_dependency_tells_what_it_gives(audited):
    app = depending(get_current_user)
    app.dependency_overrides[get_current_user] = lambda: PEOPLE[BOB]
    done = audited(lambda: ask(app, ("/me", None)))
    assert done.result == ["bob"]


def answering(*, shared: bool) -> FastAPI:
    """An assistant that keeps whom it serves, one for all or one for each."""
    app = FastAPI()
    kept: dict[str, Any] = {}
    first, second = asyncio.Event(), asyncio.Event()

    @app.get("/ask")
    async def ask_it(user: Annotated[User, Depends(get_current_user)], comes: str) -> Any:
        """Whoever comes first waits until the other one is being served."""
        if comes == "second":
            await first.wait()
        own = kept if shared else {}
        own["email"] = user.email
        (first if comes == "first" else second).set()
        await second.wait()
        return {"for": own["email"]}

    return app


async def at_once(app: Any) -> list[Any]:
    async with serving(app) as url, httpx.AsyncClient(base_url=url.replace("ws:", "http:")) as client:
        calls = [
            client.get(f"/ask?comes={comes}", headers={"Authorization": f"Bearer {token}"})
            for comes, token in (("first", BOB), ("second", ALICE))
        ]
        return [answer.json()["for"] for answer in await asyncio.gather(*calls)]


def test_the_first_requests_of_two_users_at_once_are_judged(audited):
    done = audited(lambda: at_once(answering(shared=True)))
    assert done.result == ["alice@example.com"] * 2
    assert done.counts == {"IA203": 1}


def test_each_with_an_assistant_of_its_own_is_silent(audited):
    done = audited(lambda: at_once(answering(shared=False)))
    assert done.result == ["bob@example.com", "alice@example.com"]
    assert done.findings == {}
