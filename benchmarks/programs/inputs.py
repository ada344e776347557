"""Requests that read rows through SQLAlchemy, or an answer of 1 MB through httpx; each names its own user.

In the last case somebody else is named on purpose.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import httpx
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

OWN: Final = "bob.builder"
OTHER: Final = "alice.liddell"
REQUESTS: Final = 100

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
answer = httpx.Response(200, content=b'{"text": "%s"}' % (b"lorem ipsum " * 85_000))
client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _request: answer))


def fill() -> None:
    """A table with 1,000 rows of one user and one of another."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE notes (id integer PRIMARY KEY, who text, title text)"))
        rows = [{"who": OWN, "title": f"note {number}"} for number in range(1_000)]
        connection.execute(
            text("INSERT INTO notes (who, title) VALUES (:who, :title)"), [*rows, {"who": OTHER, "title": "x"}]
        )


async def notes(request: Request) -> JSONResponse:
    """So many notes."""
    count = int(request.query_params["n"])
    order = "DESC" if "others" in request.query_params else "ASC"
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT id, who, title FROM notes ORDER BY id {order} LIMIT :n"), {"n": count})
        return JSONResponse([dict(row._mapping) for row in found])


async def asked(_request: Request) -> JSONResponse:
    """What another service answers to."""
    got = await client.get("http://service.test/")
    return JSONResponse({"length": len(got.content)})


app = Starlette(routes=[Route("/notes", notes), Route("/asked", asked)])


async def ask(path: str, times: int, user: str = OWN) -> None:
    """So many requests."""
    path, _, query = path.partition("?")

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Any) -> None:
        pass

    for _ in range(times):
        scope = {"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "server": ("x", 80)}
        scope |= {
            "path": path,
            "query_string": query.encode(),
            "headers": [(b"host", b"x"), (b"x-user", user.encode())],
        }
        await app(scope, receive, send)


CASES = {
    "50 rows": "/notes?n=50",
    "1,000 rows": "/notes?n=1000",
    "an answer of 1 MB": "/asked",
    "50 rows, one of somebody else's": "/notes?n=50&others=1",
}


async def spent(path: str) -> float:
    """Microseconds of processor time a request."""
    await ask("/notes?n=1", 1, OTHER)
    await ask(path, 5)
    begun = time.process_time()
    await ask(path, REQUESTS)
    return (time.process_time() - begun) / REQUESTS * 1e6
