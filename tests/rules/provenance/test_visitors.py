"""Answers for visitors without a login: whom they name has to have come in, as for everybody else."""

from __future__ import annotations

import pytest
from asking import Client
from test_inputs import ALICE, HEAD
from test_rows import STARLETTE

APP = (
    STARLETTE
    + HEAD
    + """
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.responses import HTMLResponse

initial = {}

class Known(AuthenticationBackend):
    async def authenticate(self, connection):
        user = connection.cookies.get("session") or connection.headers.get("x-own-token")
        return (AuthCredentials(), SimpleUser(user)) if user and user != "opaque" else None

async def fill(request):
    initial["name"] = request.user.username
    add(1, request.user.username)
    return HTMLResponse("thanks")

async def form(request):
    return HTMLResponse("<input value='" + initial.get("name", "") + "'>")

async def greet(request):
    return HTMLResponse("<p>" + request.query_params["name"] + "</p>")

async def people(request):
    return JSONResponse(select())

async def board(request):
    return JSONResponse([{"author": initial["name"], "title": "news"}])

VIEWS = [fill, form, greet, people, board]
routes = [Route("/" + one.__name__, one) for one in VIEWS]
app = Starlette(routes=routes, middleware=[Middleware(AuthenticationMiddleware, backend=Known())])
"""
)
OPEN = ("IA203", "warning", None, ALICE)


class Browser(Client):
    """Names nobody in a header: there is a cookie, or nothing."""

    async def _ask(self, user, path, body, headers):
        return await super()._ask("", path, body, headers | ({"cookie": f"session={user}"} if user else {}))


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    client = Browser(module.app, module.end)
    client.ask(ALICE, "/fill")
    yield client
    client.close()


def test_a_form_that_is_filled_with_another_users_name(audit, app) -> None:
    assert ALICE in app.ask("", "/form")
    assert audit.found() == [OPEN]
    (entry,) = audit.auditor.recorder.entries()
    assert "visitor without a login" in entry.finding.message
    assert entry.finding.route == "/form"


def test_the_user_herself(audit, app) -> None:
    assert ALICE in app.ask(ALICE, "/form")
    assert audit.found() == []


@pytest.mark.parametrize("path", [f"/greet?name={ALICE}", "/people", "/board"])
def test_what_came_in_and_who_made_something(audit, app, path) -> None:
    assert ALICE in app.ask("", path)
    assert audit.alarms() == []


def test_somebody_who_may_be_known_to_others_is_no_visitor(audit, app) -> None:
    assert ALICE in app.ask("opaque", "/form")
    assert audit.found() == []
