"""Quart and Litestar on uvicorn: whose requests and messages are, what leaves, and leaks beside their clean twins."""

from __future__ import annotations

import json
from typing import Any

import pytest
from clients import NAMED, Browser, known, told
from servers import serving

pytest.importorskip("quart")
pytest.importorskip("litestar")
pytest.importorskip("websockets.asyncio", reason="the client is that of websockets 13.0 and later")

from litestar import Litestar, Request, WebSocket, get
from litestar import websocket as websocket_route
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.response import Stream
from quart import Quart, request, session, websocket
from quart_auth import AuthUser, QuartAuth, current_user, login_user
from websockets.asyncio.client import connect


class Shared:
    """What the applications keep; with ``leaking`` it is everybody's."""

    def __init__(self, *, leaking: bool) -> None:
        self.leaking = leaking
        self.notes: list[Any] = []
        self.last: list[Any] = []

    def note(self, user: str) -> Any:
        """The first note, or the user's own."""
        self.notes.append({"owner": user, "text": "a note"})
        return self.notes[:1] if self.leaking else self.notes[-1:]


def on_quart(shared: Shared) -> Any:
    app = Quart(__name__)
    app.secret_key = "s" * 32
    app.config["QUART_AUTH_COOKIE_SECURE"] = False
    QuartAuth(app)

    @app.get("/who")
    async def who() -> Any:
        return json.dumps(known())

    @app.get("/login")
    async def login() -> Any:
        session["username"] = request.args["name"]
        return "null"

    @app.get("/signin")
    async def signin() -> Any:
        login_user(AuthUser(request.args["name"]))
        return json.dumps(known())

    @app.get("/me")
    async def me() -> Any:
        assert current_user.auth_id
        return json.dumps(known())

    @app.get("/notes/<int:number>")
    async def notes(number: int) -> Any:
        text = json.dumps(shared.note(request.headers["x-user"]))
        if number == 7:
            return text, {"Content-Type": "application/json"}

        async def parts() -> Any:
            yield text[:12].encode()
            yield text[12:].encode()

        return parts(), {"Content-Type": "application/json"}

    @app.websocket("/chat")
    async def chat() -> None:
        own = websocket._get_current_object()
        shared.last[:] = [own]
        await own.accept()
        await own.send("welcome")
        while True:
            message = await own.receive()
            receiver = shared.last[0] if shared.leaking else own
            await receiver.send(json.dumps({"user_id": known(), "balance": 7, "to": message}))

    return app


def on_litestar(shared: Shared) -> Any:
    @get("/who")
    async def who() -> Any:
        return json.dumps(known())

    @get("/login")
    async def login(request: Request[Any, Any, Any]) -> None:
        request.set_session({"username": request.query_params["name"]})

    @get("/notes/{number:int}")
    async def notes(request: Request[Any, Any, Any]) -> Any:
        body = shared.note(request.headers["x-user"])
        text = json.dumps(body)
        return (
            body
            if request.path_params["number"] == 7
            else Stream([text[:12], text[12:]], media_type="application/json")
        )

    @websocket_route("/chat")
    async def chat(socket: WebSocket[Any, Any, Any]) -> None:
        shared.last[:] = [socket]
        await socket.accept()
        await socket.send_text("welcome")
        while True:
            message = await socket.receive_text()
            receiver = shared.last[0] if shared.leaking else socket
            await receiver.send_json({"user_id": known(), "balance": 7, "to": message})

    sessions = CookieBackendConfig(secret=b"s" * 32)
    namespace = {"Request": Request, "WebSocket": WebSocket, "Any": Any}
    handlers = [who, login, notes, chat]
    return Litestar(
        handlers,
        middleware=[sessions.middleware],
        signature_namespace=namespace,
        logging_config=None,
        openapi_config=None,
    )


FRAMEWORKS = pytest.mark.parametrize("on", [on_quart, on_litestar])
TWINS = pytest.mark.parametrize("leaking", [True, False])


async def visit(url: str, *visits: tuple[str, str | None]) -> list[Any]:
    """What one kept-alive connection is answered, request by request."""
    browser = Browser(url)
    try:
        return [json.loads(await browser.get(path, user) or "null") for path, user in visits]
    finally:
        browser.close()


@FRAMEWORKS
def test_on_one_connection_each_request_is_its_own_user_s(audited, on):
    async def scenario():
        async with serving(on(Shared(leaking=False))) as url:
            return await visit(url, *(("/who", user) for user in ("alice", "bob", None, "alice")))

    done = audited(scenario)
    assert done.result == ["alice", "bob", None, "alice"]
    assert done.findings == {}
    tally = done.auditor.runtime.tally
    assert (tally.requests, tally.requests_named) == (4, 3)


@FRAMEWORKS
def test_the_session_names_the_user(audited, on):
    async def scenario():
        async with serving(on(Shared(leaking=False))) as url:
            return [await visit(url, (f"/login?name={name}", None), ("/who", None)) for name in ("alice", "bob")]

    assert audited(scenario).result == [[None, "alice"], [None, "bob"]]


def test_quart_auth_names_the_user(audited):
    async def scenario():
        async with serving(on_quart(Shared(leaking=False))) as url:
            return [await visit(url, (f"/signin?name={name}", None)) for name in ("alice", "bob")]

    done = audited(scenario)
    assert done.result == [["alice"], ["bob"]]
    assert done.auditor.runtime.tally.users_by_source["login"] == 2


@FRAMEWORKS
@TWINS
@pytest.mark.parametrize("number", [7, 8])
def test_a_note_that_is_kept_for_everybody_leaves_in_another_s_answer(audited, on, leaking, number):
    async def scenario():
        async with serving(on(Shared(leaking=leaking))) as url:
            await visit(url, ("/who", "alice"), ("/who", "bob"))
            return await visit(url, (f"/notes/{number}", "alice"), (f"/notes/{number}", "bob"))

    done = audited(scenario, NAMED)
    assert [one[0]["owner"] for one in done.result] == ["alice", "alice" if leaking else "bob"]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    for finding in done.findings.get("IA203", ()):
        assert finding.route in ("/notes/<int:number>", "/notes/{number}")


@FRAMEWORKS
@TWINS
def test_a_message_to_another_s_websocket(audited, on, leaking):
    async def scenario():
        async with (
            serving(on(Shared(leaking=leaking))) as url,
            connect(f"{url}/chat", additional_headers={"X-User": "alice"}) as alice,
        ):
            await alice.recv()
            async with connect(f"{url}/chat", additional_headers={"X-User": "bob"}) as bob:
                await bob.recv()
                await alice.send("hello")
                return json.loads(await (bob if leaking else alice).recv())["user_id"]

    done = audited(scenario, NAMED)
    assert done.result == "alice"
    assert told(done.findings) == ([("IA202", "alice", "bob")] if leaking else [])
    tally = done.auditor.runtime.tally
    assert tally.messages == tally.messages_named == 1
