"""Requests to other services that are made out to one user, by the name in their address, with another one's words."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from test_sent_credentials import ALICE, BOB, bank

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

HERS, HIS = "tell nobody about the second mortgage", "pick up the bicycle on friday"
FOUND = [("IA203", "warning", BOB, ALICE)]


def site(url: str) -> Any:
    pending: list[tuple[str, str]] = []

    def send(user: str, text: str) -> None:
        httpx.post(f"{url}/inbox/{user}" if user else f"{url}/outbox", json={"text": text})

    async def remind(request: Any) -> JSONResponse:
        told = await request.json()
        pending.append((request.headers["x-user"], told["text"]))
        return JSONResponse({})

    async def late(request: Any) -> JSONResponse:
        user = request.headers["x-user"]
        for _text in [text for owner, text in pending if owner == user]:
            send(user, pending[-1][1])
        return JSONResponse({})

    async def own(request: Any) -> JSONResponse:
        user = request.headers["x-user"]
        for text in [text for owner, text in pending if owner == user]:
            send(user, text)
        return JSONResponse({})

    async def flush(_request: Any) -> JSONResponse:
        for owner, text in pending:
            send(owner, text)
        return JSONResponse({})

    async def outbox(_request: Any) -> JSONResponse:
        for _owner, text in pending:
            send("", text)
        return JSONResponse({})

    async def forward(request: Any) -> JSONResponse:
        send(request.headers["x-user"], (await request.json())["text"])
        return JSONResponse({})

    views = (remind, late, own, flush, outbox, forward)
    return Starlette(routes=[Route(f"/{one.__name__}", one, methods=["POST"]) for one in views])


def found_at(path: str, said: str = "") -> list[tuple[str, str, str | None, str | None]]:
    with bank() as (url, _seen), Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:
        client = TestClient(site(url))
        for user, text in ((BOB, HIS), (ALICE, HERS)):
            client.post("/remind", content=json.dumps({"text": text}), headers={"x-user": user})
        client.post(path, content=json.dumps({"text": said}), headers={"x-user": BOB})
        auditor.settle()
        found = [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule != "IA904"]
    assert auditor.runtime.barrier.counts == {}
    return [(one.rule, one.severity.value, one.witnesses.ambient, one.witnesses.content) for one in found]


def test_what_was_bound_too_late() -> None:
    assert found_at("/late") == FOUND


@pytest.mark.parametrize(("path", "said"), [("/own", ""), ("/flush", ""), ("/outbox", ""), ("/forward", HERS)])
def test_what_is_sent_on_purpose(path: str, said: str) -> None:
    assert found_at(path, said) == []
