"""Gradio on uvicorn: users by its login, in events of its queue, and in what they push."""

from __future__ import annotations

import json
from typing import Any

import pytest
from clients import NAMED, known, told
from servers import serving

pytest.importorskip("gradio", reason="has an environment of its own: make libraries")

import fastapi
import gradio
import httpx


def application(*, leaking: bool, seen: list[Any]) -> Any:
    """Notes; with ``leaking`` everybody gets the first. ``again`` shows what the session has kept."""
    kept: list[Any] = []

    def note(text: str, mine: list[Any], request: gradio.Request) -> Any:
        seen.append(known())
        kept.append({"owner": request.username, "text": text})
        return json.dumps(kept[0 if leaking else -1]), [*mine, text]

    def again(mine: list[Any]) -> str:
        seen.append(known())
        return json.dumps({"owner": mine[-1]})

    with gradio.Blocks() as demo:
        box, out, mine = gradio.Textbox(), gradio.Textbox(), gradio.State([])
        box.submit(note, [box, mine], [out, mine], api_name="note")
        box.change(again, [mine], [out], api_name="again")
    return gradio.mount_gradio_app(fastapi.FastAPI(), demo, path="", auth=lambda user, password: password == "right")


class Page:
    """One page of one user, who has logged in."""

    def __init__(self, base: str, user: str) -> None:
        self._browser, self._user = httpx.AsyncClient(base_url=base, timeout=60), user

    async def __aenter__(self) -> Page:
        answer = await self._browser.post("/login", data={"username": self._user, "password": "right"})
        assert answer.status_code == 200, answer.text
        functions = (await self._browser.get("/config")).json()["dependencies"]
        self._functions = {one["api_name"]: one["id"] for one in functions}
        return self

    async def __aexit__(self, *_error: Any) -> None:
        await self._browser.aclose()

    async def call(self, name: str, *data: Any) -> Any:
        asked = {"data": data, "fn_index": self._functions[name], "session_hash": f"page of {self._user}"}
        answer = await self._browser.post("/gradio_api/queue/join", json=asked)
        assert answer.status_code == 200, answer.text
        stream = self._browser.stream("GET", "/gradio_api/queue/data", params={"session_hash": asked["session_hash"]})
        async with stream as lines:
            async for line in lines.aiter_lines():
                told_of = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if told_of.get("msg") == "process_completed":
                    return told_of["output"]["data"][0]
        raise AssertionError("the stream has ended")


async def visiting(app: Any, talk: Any) -> Any:
    async with serving(app, lifespan="on") as url:
        base = url.replace("ws", "http", 1)
        answers = []
        for user in ("alice", "bob"):
            async with Page(base, user) as page:
                answers.append(await talk(page))
        return answers


@pytest.mark.parametrize("leaking", [True, False])
def test_a_note_that_is_kept_for_everybody(audited, leaking):
    seen: list[Any] = []
    talk = lambda page: page.call("note", "buy milk", None)  # noqa: E731
    done = audited(lambda: visiting(application(leaking=leaking, seen=seen), talk), NAMED)
    assert [json.loads(one)["owner"] for one in done.result] == ["alice", "alice" if leaking else "bob"]
    assert seen == ["alice", "bob"]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    tally = done.auditor.runtime.tally
    assert tally.messages == tally.messages_named == 2


def test_what_a_session_has_kept_explains_what_it_shows_later(audited):
    async def talk(page: Page) -> Any:
        await page.call("note", "alice", None)
        return await page.call("again", None)

    done = audited(lambda: visiting(application(leaking=False, seen=[]), talk), NAMED)
    assert done.result == ['{"owner": "alice"}'] * 2
    assert done.findings == {}
