"""Chainlit on uvicorn: users by its login, in messages, in callbacks that run in tasks, and in what is sent to them."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from typing import Any

import pytest
from clients import NAMED, known, told
from servers import serving

pytest.importorskip("chainlit", reason="has an environment of its own: make libraries")

import chainlit
import httpx
import socketio
from chainlit.server import app

os.environ.setdefault("CHAINLIT_AUTH_SECRET", "s" * 40)  # it signs the tokens of logins


def callbacks(*, leaking: bool, seen: list[Any]) -> None:
    """A chat with notes; with ``leaking`` everybody gets the first."""
    kept: list[Any] = []

    @chainlit.password_auth_callback
    async def login(username: str, password: str) -> Any:
        return chainlit.User(identifier=username) if password == "right" else None

    @chainlit.on_chat_start
    async def start() -> None:
        seen.append(known())
        # What the session keeps explains what is sent later on.
        chainlit.user_session.set("colour", "blue" if leaking else "alice likes red, too")

    @chainlit.on_message
    async def message(asked: Any) -> None:
        seen.append(known())
        user = chainlit.user_session.get("user")
        kept.append({"owner": user.identifier, "word": asked.content})
        await chainlit.Message(content=json.dumps(kept[0 if leaking else -1])).send()
        await chainlit.Message(content=chainlit.user_session.get("colour")).send()


async def chat(base: str, user: str) -> list[str]:
    """Log in, say something, and hear the answer."""
    answers: asyncio.Queue[Any] = asyncio.Queue()
    async with httpx.AsyncClient(base_url=base, timeout=60) as browser:
        answer = await browser.post("/login", data={"username": user, "password": "right"})
        assert answer.status_code == 200, answer.text
        assert (await browser.get("/user")).json()["identifier"] == user
        cookies = "; ".join(f"{one.name}={one.value}" for one in browser.cookies.jar)
    client = socketio.AsyncClient()

    @client.on("new_message")
    async def heard(step: Any) -> None:
        if step["type"] == "assistant_message":
            answers.put_nowait(step["output"])

    about = {
        "sessionId": str(uuid.uuid4()),
        "clientType": "webapp",
        "userEnv": None,
        "chatProfile": None,
        "threadId": None,
    }
    await client.connect(base, {"Cookie": cookies}, auth=about, socketio_path="/ws/socket.io", transports=["websocket"])
    await client.call("connection_successful")
    said = {
        "id": str(uuid.uuid4()),
        "name": user,
        "type": "user_message",
        "output": "buy milk",
        "createdAt": "2026-01-01",
    }
    await client.emit("client_message", {"message": said, "fileReferences": []})
    found = [await asyncio.wait_for(answers.get(), 10) for _ in range(2)]
    await client.disconnect()
    return found


@pytest.mark.parametrize("leaking", [True, False])
def test_a_note_that_is_kept_for_everybody(audited, leaking):
    seen: list[Any] = []

    async def talk() -> Any:
        callbacks(leaking=leaking, seen=seen)
        async with serving(app) as url:
            base = url.replace("ws", "http", 1)
            return [await chat(base, user) for user in ("alice", "bob")]

    done = audited(talk, NAMED)
    note, other = (f'{{"owner": "{user}", "word": "buy milk"}}' for user in ("alice", "alice" if leaking else "bob"))
    colour = "blue" if leaking else "alice likes red, too"
    assert done.result == [[note, colour], [other, colour]]
    assert seen == ["alice", "alice", "bob", "bob"]  # each chat's start, and its message
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    tally = done.auditor.runtime.tally
    assert tally.messages == tally.messages_named > 4
