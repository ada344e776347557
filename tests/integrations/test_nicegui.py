"""NiceGUI on uvicorn: users by ``app.storage.user``, from the login on, in events of pages and in what they push."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from clients import NAMED, known, told
from servers import serving

pytest.importorskip("nicegui", reason="has an environment of its own: make libraries")

import fastapi
import httpx
import socketio
from nicegui import Client, app, ui


class Notes:
    """What the pages below keep; with ``leaking`` everybody is shown the first."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.seen: list[Any] = []
        self.logging_in = ""
        self.leaking = False

    def shown(self) -> str:
        self.kept.append({"owner": app.storage.user["username"], "number": len(self.kept)})
        self.seen.append(known())
        return json.dumps(self.kept[0 if self.leaking else -1])


NOTES = Notes()


def page() -> None:
    """Logs in and out, and shows a note by a plain and by an awaited handler."""
    shown, typed = ui.label(""), ui.input("typed")

    async def awaited() -> None:
        await asyncio.sleep(0)
        shown.set_text(NOTES.shown())
        ui.notify("noted")

    async def broken() -> None:
        raise LookupError("broken")

    ui.button("broken", on_click=broken)
    ui.button("in", on_click=lambda: app.storage.user.update(username=NOTES.logging_in))
    ui.button("out", on_click=lambda: app.storage.user.clear())
    ui.button("plain", on_click=lambda: shown.set_text(NOTES.shown()))
    ui.button("awaited", on_click=awaited)
    ui.button("who", on_click=lambda: NOTES.seen.append(known()))
    ui.button("repeat", on_click=lambda: shown.set_text(json.dumps({"owner": typed.value})))


SITE = fastapi.FastAPI()
ui.page("/")(page)
ui.run_with(SITE, storage_secret="s" * 32)


class Tab:
    """One page in a browser, and its connection."""

    def __init__(self, base: str, browser: httpx.AsyncClient) -> None:
        self._base, self._browser = base, browser
        self._socket = socketio.AsyncClient()

    async def open(self) -> Tab:
        before = set(Client.instances)
        answer = await self._browser.get("/")
        assert answer.status_code == 200, answer.text
        (number,) = set(Client.instances) - before
        self._client = Client.instances[number]
        asked = f"client_id={number}&tab_id=t{number}&document_id=d{number}&implicit_handshake=true"
        headers = {"Cookie": "; ".join(f"{one.name}={one.value}" for one in self._browser.cookies.jar)}
        path = "/_nicegui_ws/socket.io"
        await self._socket.connect(f"{self._base}?{asked}", headers, socketio_path=path, transports=["websocket"])
        return self

    async def click(self, *names: str) -> None:
        for name in names:
            await self._event(name, [])
            while [one for one in asyncio.all_tasks() if "awaited" in one.get_name()]:
                await asyncio.sleep(0.005)

    async def type(self, text: str) -> None:
        await self._event("typed", [json.dumps(text)])

    async def _event(self, label: str, arguments: list[str]) -> None:
        (element,) = [one for one in self._client.elements.values() if one._props.get("label") == label]
        listener = next(iter(element._event_listeners))
        event = {"id": element.id, "client_id": self._client.id, "listener_id": listener, "args": arguments}
        await self._socket.call("event", event)

    async def nonsense(self) -> None:
        (element,) = [one for one in self._client.elements.values() if one._props.get("label") == "who"]
        await self._socket.emit("event", {"id": element.id, "client_id": self._client.id, "listener_id": "x"})

    def text(self) -> str:
        return next(str(one._text) for one in self._client.elements.values() if type(one) is ui.label)

    async def close(self) -> None:
        await self._socket.disconnect()


async def talking(talk: Any, *, leaking: bool) -> list[Any]:
    """``talk(first, second)`` for alice and then for bob: the tab in which each has logged in, and a later one."""
    NOTES.__init__()
    NOTES.leaking = leaking
    told_of = []
    async with serving(SITE, lifespan="on") as url:
        base = url.replace("ws", "http", 1)
        for NOTES.logging_in in ("alice", "bob"):
            async with httpx.AsyncClient(base_url=base, timeout=60) as browser:
                first = await Tab(base, browser).open()
                await first.click("in")
                second = await Tab(base, browser).open()
                told_of.append(await talk(first, second))
                await first.close()
                await second.close()
    return told_of


@pytest.mark.parametrize("leaking", [True, False])
@pytest.mark.parametrize("kind", ["plain", "awaited"])
def test_a_note_that_is_kept_for_everybody(audited, kind, leaking):
    async def talk(first: Tab, second: Tab) -> None:
        await first.click(kind)
        await second.click(kind)

    done = audited(lambda: talking(talk, leaking=leaking), NAMED)
    assert NOTES.seen == ["alice", "alice", "bob", "bob"]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])


def test_whoever_has_logged_out_is_nobody(audited):
    async def talk(first: Tab, second: Tab) -> None:
        await first.click("who", "out", "who")
        await second.click("who")

    done = audited(lambda: talking(talk, leaking=False), NAMED)
    assert NOTES.seen == ["alice", None, None, "bob", None, None]
    assert done.findings == {}


def test_what_a_client_was_told_before_explains_what_it_shows_later(audited):
    async def talk(first: Tab, second: Tab) -> None:
        await second.type("alice")
        await second.click("who", "repeat")

    assert audited(lambda: talking(talk, leaking=False), NAMED).findings == {}
