"""Servers of the MCP SDK on uvicorn: whose a call of a tool is, in sessions of several requests, and what leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from clients import NAMED, known, told
from servers import serving

pytest.importorskip("mcp.server.runner", reason="the SDK from 2.3 on")

import httpx
from mcp.server import MCPServer

from isolation_audit.model.requests import Request

HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


def application(*, leaking: bool) -> Any:
    """A server with the notes of its users; with ``leaking`` everybody gets the first."""
    server = MCPServer("notes")
    kept: list[Any] = []

    @server.tool()
    async def who() -> str:
        return json.dumps(known())

    @server.tool()
    async def note(text: str) -> str:
        kept.append({"owner": known(), "text": text})
        return json.dumps(kept[0 if leaking else -1])

    return server.streamable_http_app()


class Session:
    """One session, whose requests may come from several users."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client, self._url, self._headers, self._number = client, f"{url}/mcp", dict(HEADERS), 0

    async def send(self, method: str, user: str | None, *, answered: bool = True, **params: Any) -> Any:
        self._number += 1
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        message |= {"id": self._number} if answered else {}
        named = {"x-user": user} if user else {}
        answer = await self._client.post(self._url, json=message, headers=self._headers | named)
        self._headers |= {key: answer.headers[key] for key in ("mcp-session-id",) if key in answer.headers}
        lines = [line for line in answer.text.splitlines() if line.startswith("data: {")]
        return json.loads(lines[-1].removeprefix("data: ")) if lines else None

    async def begin(self, user: str) -> Session:
        about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        await self.send("initialize", user, **about)
        await self.send("notifications/initialized", user, answered=False)
        return self

    async def call(self, tool: str, user: str | None, **arguments: Any) -> Any:
        answer = await self.send("tools/call", user, name=tool, arguments=arguments)
        return json.loads(answer["result"]["content"][0]["text"])


async def talking(app: Any, talk: Any) -> Any:
    async with serving(app, lifespan="on") as url, httpx.AsyncClient(timeout=60) as client:
        address = url.replace("ws", "http", 1)
        return await talk(lambda: Session(client, address))


def test_a_call_of_a_tool_is_the_work_of_whoever_sent_it(audited):
    async def talk(session: Any) -> Any:
        mine = await session().begin("alice")
        hers = await session().begin("bob")
        return [
            await one.call("who", user) for one, user in ((mine, "alice"), (hers, "bob"), (mine, None), (mine, "alice"))
        ]

    done = audited(lambda: talking(application(leaking=False), talk), NAMED)
    assert done.result == ["alice", "bob", None, "alice"]
    assert done.findings == {}
    tally = done.auditor.runtime.tally
    assert (tally.messages, tally.messages_named) == (6, 5)  # each session is initialized first


def test_where_another_s_context_runs_the_request_that_brought_a_message_has_the_word(audited, monkeypatch):
    monkeypatch.setattr(Request, "serves", lambda _request, _scope: False)

    async def talk(session: Any) -> Any:
        return [await (await session().begin(user)).call("who", user) for user in ("alice", "bob")]

    assert audited(lambda: talking(application(leaking=False), talk), NAMED).result == ["alice", "bob"]


@pytest.mark.parametrize("leaking", [True, False])
def test_a_note_that_is_kept_for_everybody_leaves_in_another_s_answer(audited, leaking):
    async def talk(session: Any) -> Any:
        return [await (await session().begin(user)).call("note", user, text="buy milk") for user in ("alice", "bob")]

    done = audited(lambda: talking(application(leaking=leaking), talk), NAMED)
    assert [one["owner"] for one in done.result] == ["alice", "alice" if leaking else "bob"]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    for finding in (one for found in done.findings.values() for one in found):
        assert finding.route == "tool note"
        assert finding.site.top.file == __file__
        assert finding.site.top.function.endswith("note")
