"""What keeping a request's inputs costs: microseconds of processor time a request, bare, audited without and with them.

Run it as ``python benchmarks/provenance.py [ROUNDS]``. The requests read rows through SQLAlchemy from SQLite, or an
answer of 1 MB through httpx; each answers what names its own user, or, in the last row, somebody else on purpose. The
three take turns, each keeps its best round. At the end: memory over many requests.
"""

from __future__ import annotations

import asyncio
import platform
import resource
import sys
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

import httpx
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

OWN: Final = "bob.builder"
OTHER: Final = "alice.liddell"
INPUTS: Final = ("sqlalchemy_rows", "sqlite3_rows", "httpx_answers", "handed_over", "http_client")
"""The integrations that keep inputs, but for the request itself."""

REQUESTS: Final = 100
SOAK: Final = 10_000

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


def config(*, inputs: bool) -> Config:
    """With inputs, or without those that integrations of their own keep."""
    disabled = () if inputs else INPUTS
    return Config(integrations=model.Integrations(disable=disabled), report=model.Report(terminal=False))


WAYS: dict[str, Callable[[], Any]] = {
    "bare": nullcontext,
    "audited, without": lambda: Auditor(config(inputs=False)),
    "audited": lambda: Auditor(config(inputs=True)),
}


async def spent(path: str) -> float:
    """Microseconds of processor time a request."""
    await ask("/notes?n=1", 1, OTHER)
    await ask(path, 5)
    begun = time.process_time()
    await ask(path, REQUESTS)
    return (time.process_time() - begun) / REQUESTS * 1e6


async def soak() -> tuple[int, int]:
    """KB of memory after a tenth of the requests, and after all."""
    with WAYS["audited"]():
        await ask("/notes?n=50", SOAK // 10)
        first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await ask("/notes?n=50", SOAK)
    return first, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Print a row a case."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    fill()
    print(f"{platform.python_implementation()} {platform.python_version()}, us a request, best of {rounds}")
    print(f"{'':34}" + "".join(f"{way:>18}" for way in WAYS) + f"{'inputs cost':>14}")
    for case, path in CASES.items():
        best = dict.fromkeys(WAYS, float("inf"))
        for _ in range(rounds):
            for way, start in WAYS.items():
                with start():
                    best[way] = min(best[way], asyncio.run(spent(path)))
        cost = best["audited"] / best["audited, without"] - 1
        print(f"{case:34}" + "".join(f"{best[way]:18.0f}" for way in WAYS) + f"{cost:13.1%}")
    first, last = asyncio.run(soak())
    print(f"memory: {first:,} KB after {SOAK // 10:,} requests, {last:,} KB after {SOAK + SOAK // 10:,}")


if __name__ == "__main__":
    main()
