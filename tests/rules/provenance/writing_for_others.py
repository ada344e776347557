"""Views that write under somebody's id, and what is to be told of them, whatever they write to.

The application has a function for each way to write, which is asked for as ``?way=``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asking import Client
from test_inputs import ALICE, BOB

if TYPE_CHECKING:
    from collections.abc import Iterator

VIEWS = """
import asyncio

last, seen, FOLLOWERS = {}, {}, {"bob.builder": ["alice.liddell"]}

def of(request):
    return request.headers["x-user"], globals()[request.query_params["way"]]

async def leak(request):
    user, write = of(request)
    last["user"] = user
    if "waits" in request.query_params:
        seen["waits"] = asyncio.Event()
        await seen["waits"].wait()
    await write(last["user"])
    seen["waits"].set()
    return JSONResponse({})

async def own(request):
    user, write = of(request)
    await write(user)
    return JSONResponse({})

async def followers(request):
    user, write = of(request)
    for follower in FOLLOWERS.get(user, []):
        await write(follower)
    return JSONResponse({})

app = Starlette(routes=[Route("/" + view.__name__, view) for view in (leak, own, followers)])
"""


def visited(module: Any, way: str) -> Iterator[tuple[Client, str]]:
    """A client of an application in which both users have written something of their own."""
    client = Client(module.app, module.end)
    for user in (ALICE, BOB):
        client.ask(user, f"/own?way={way}")
    yield client, way
    client.close()


def whoever_came_last_owns_it(audit: Any, client: Client, way: str) -> None:
    client.together((BOB, f"/leak?way={way}&waits"), (ALICE, f"/leak?way={way}"))
    audit.auditor.settle()
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]


def what_is_written_for_others_on_purpose(audit: Any, client: Client, way: str) -> None:
    for user in (ALICE, BOB, ALICE, BOB):
        client.ask(user, f"/followers?way={way}")
        client.ask(user, f"/own?way={way}")
    audit.auditor.settle()
    assert audit.alarms() == []
