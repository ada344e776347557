"""UUIDs of users: databases keep them as 32 digits, and answers write them with dashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB, HEAD
from test_rows import STARLETTE

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = (
    STARLETTE
    + HEAD
    + """
import uuid

class Person:
    def __init__(self, username):
        self.username = username
        self.id = uuid.uuid5(uuid.NAMESPACE_URL, username)

PEOPLE = {}
last = {}

def login(app):
    async def known(scope, receive, send):
        user = dict(scope["headers"])[b"x-person"].decode()
        scope["user"] = PEOPLE.setdefault(user, Person(user))
        await app(scope, receive, send)
    return known

async def write(request):
    add(len(PEOPLE), request.user.id.hex)
    last["id"] = str(request.user.id)
    return JSONResponse({})

async def read(request):
    return JSONResponse({"author": str(uuid.UUID(select("n = 1")[0]))})

async def kept(request):
    select("n = 7")
    return JSONResponse({"author": last["id"]})

async def hello(request):
    return JSONResponse({})

VIEWS = [write, read, kept, hello]
app = login(Starlette(routes=[Route("/" + one.__name__, one, methods=["GET", "POST"]) for one in VIEWS]))
"""
)


@pytest.fixture
def app(audit: Any, load_app: Any) -> Iterator[Any]:
    module = load_app(APP)
    client = Client(module.app, module.end)

    def ask(user: str, path: str, body: bytes | None = None) -> str:
        return client.ask("", path, body, x_person=user)

    ask(ALICE, "/write", b"{}")
    ask(BOB, "/hello")
    yield ask
    client.close()


def test_a_row_without_dashes_explains_the_answer(audit: Any, app: Any) -> None:
    assert app(BOB, "/read").count("-") == 4
    assert audit.found() == [("IA209", "note", BOB, ALICE)]


def test_a_uuid_out_of_memory_is_told(audit: Any, app: Any) -> None:
    assert app(BOB, "/kept").count("-") == 4
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]
