"""Letters to one user, in a group of Django Channels that is named for a part of two addresses."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

BERG, KLEIN, CAROL = "anna.berg@example.org", "anna.klein@example.org", "carol@example.org"


def of_first_name(user: str) -> str:
    return "inbox_" + user.partition(".")[0]


def of_all_of_it(user: str) -> str:
    return "inbox_" + user.replace("@", ".")


def of_a_team(user: str) -> str:
    return "team_" + user.partition(".")[0]


@pytest.mark.parametrize(
    ("room_of", "to", "found"),
    [
        (of_first_name, BERG, [("IA202", CAROL, BERG, KLEIN)]),
        (of_first_name, "anna", []),
        (of_all_of_it, BERG, []),
        (of_a_team, BERG, []),
    ],
)
def test_whom_a_letter_reaches(room_of: Any, to: str, found: list[Any]) -> None:
    layers = pytest.importorskip("channels.layers")
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    layer = layers.InMemoryChannelLayer()

    async def join(request: Any) -> JSONResponse:
        channel = await layer.new_channel()
        await layer.group_add(room_of(request.headers["x-user"]), channel)
        return JSONResponse({})

    async def send(request: Any) -> JSONResponse:
        told = json.loads(await request.body())
        await layer.group_send(room_of(told["to"]), {"type": "notice", "text": told["text"]})
        return JSONResponse({})

    app = Starlette(routes=[Route("/join", join), Route("/send", send, methods=["POST"])])

    async def visit() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://letters") as client:
            for user in (BERG, KLEIN):
                await client.get("/join", headers={"x-user": user})
            letter = {"to": to, "text": "the hearing is on friday"}
            await client.post("/send", headers={"x-user": CAROL}, json=letter)

    with Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:
        asyncio.run(visit())
        every = [entry.finding for entry in auditor.recorder.entries()]
    witnesses = [(one.rule, one.witnesses.ambient, one.witnesses.content, one.witnesses.addressee) for one in every]
    assert [one for one in witnesses if one[0] != "IA904"] == found
    assert auditor.runtime.barrier.counts == {}
