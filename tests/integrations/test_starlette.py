"""WebSockets of Starlette and FastAPI on a real uvicorn, with real clients."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
import websockets
from fastapi import FastAPI
from fastapi import WebSocket as FastAPIWebSocket
from servers import line_of, serving
from starlette.applications import Starlette
from starlette.exceptions import WebSocketException
from starlette.routing import Mount, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from isolation_audit import user_scope
from isolation_audit.config import Config, model

pytest.importorskip("websockets.asyncio", reason="the clients of these tests are those of websockets 13.0 and later")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets"),
    pytest.mark.filterwarnings("ignore:remove second argument of ws_handler:DeprecationWarning"),
]
BOTH = pytest.mark.parametrize("kind", ["starlette", "fastapi"])


def application(chat: Any, kind: str = "starlette", **options: Any) -> Any:
    if kind == "fastapi":
        app = FastAPI(**options)
        app.websocket("/")(chat)
        return app
    return Starlette(routes=[WebSocketRoute("/", chat)], **options)


def chatting(
    chat: Any, client: Any, kind: str = "starlette", ws: str = "auto", clients: int = 1, **options: Any
) -> Any:
    """A scenario: the application on a server, and clients one after the other."""

    async def scenario() -> Any:
        async with serving(application(chat, kind, **options), ws) as url:
            return [await client(url) for _ in range(clients)]

    return scenario


async def talk(url: str) -> Any:
    """What a client gets, up to the close code, or the status of a refusal."""
    got = []
    try:
        async with websockets.connect(url) as connection:
            await connection.send("hello")
            while True:
                got.append(await connection.recv())
    except websockets.InvalidStatus as refusal:
        return got, refusal.response.status_code
    except websockets.ConnectionClosed as closed:
        return got, closed.rcvd.code if closed.rcvd else 1006


# Too early, too late


@BOTH
def test_sent_before_the_handshake(audited, kind) -> None:
    async def chat(websocket: FastAPIWebSocket) -> None:
        with user_scope("alice"):
            with contextlib.suppress(RuntimeError):
                await websocket.send_json({"type": "welcome"})  # early
            await websocket.accept()
            await websocket.send_text(await websocket.receive_text())
            await websocket.close()

    done = audited(chatting(chat, talk, kind, clients=3))
    assert done.result == [(["hello"], 1000)] * 3
    assert done.counts == {"IA307": 3}
    (finding,) = done.findings["IA307"]
    assert finding.message == "sent on a connection before its handshake was done"
    assert finding.site.top.file == __file__
    assert finding.site.top.line == line_of(test_sent_before_the_handshake, "# early")
    assert finding.witnesses.ambient
    assert "alice" not in str(finding)


@BOTH
def test_sent_after_the_applications_own_close(audited, kind) -> None:
    async def chat(websocket: FastAPIWebSocket) -> None:
        await websocket.accept()
        await websocket.close(4401)
        with contextlib.suppress(RuntimeError):
            await websocket.send_bytes(b"bye")  # late

    done = audited(chatting(chat, talk, kind))
    assert done.result == [([], 4401)]
    (finding,) = done.findings["IA307"]
    assert finding.message == "sent on a connection after the application had closed it"
    assert finding.site.top.line == line_of(test_sent_after_the_applications_own_close, "# late")
    assert set(done.findings) == {"IA307"}


@BOTH
def test_sent_after_the_disconnect_was_received(audited, kind) -> None:
    over = []

    async def chat(websocket: FastAPIWebSocket) -> None:
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.receive_text()
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await websocket.send_text("bye")
        over.append(True)

    async def leave(url: str) -> None:
        async with websockets.connect(url) as connection:
            await connection.send("hello")
        while not over:
            await asyncio.sleep(0.005)

    done = audited(chatting(chat, leave, kind))
    (finding,) = done.findings["IA307"]
    assert finding.message == "sent on a connection after its disconnect had been received"
    assert set(done.findings) == {"IA307"}


def test_sent_by_a_task_that_outlives_the_connection(audited) -> None:
    late = []

    async def answer(websocket: WebSocket, gone: asyncio.Event) -> None:
        await gone.wait()
        with contextlib.suppress(Exception):
            await websocket.send_text("too late")
        late.append(True)

    async def chat(websocket: WebSocket) -> None:
        await websocket.accept()
        gone = asyncio.Event()
        websocket.state.task = asyncio.create_task(answer(websocket, gone))
        with contextlib.suppress(WebSocketDisconnect), user_scope("alice"):
            while True:
                await websocket.receive_text()
        gone.set()
        await websocket.state.task

    async def leave(url: str) -> None:
        async with websockets.connect(url) as connection:
            await connection.send("hello")
        while not late:
            await asyncio.sleep(0.005)

    done = audited(chatting(chat, leave))
    (finding,) = done.findings["IA307"]
    assert finding.site.top.function.endswith("answer")
    assert finding.witnesses.ambient is None
    assert finding.witnesses.owner, "the user whose work first received on it"


# Twins that are fine


async def echo(websocket: FastAPIWebSocket) -> None:
    await websocket.accept()
    with user_scope("alice"):
        await websocket.send_text(await websocket.receive_text())
    await websocket.close()


@BOTH
@pytest.mark.parametrize("ws", ["websockets", "websockets-sansio"])
def test_a_normal_chat(audited, kind, ws) -> None:
    done = audited(chatting(echo, talk, kind, ws, clients=3))
    assert done.result == [(["hello"], 1000)] * 3
    assert done.findings == {}


@BOTH
@pytest.mark.parametrize("code", [1000, 1001, 4401])
def test_a_close_on_purpose_even_while_an_exception_is_handled(audited, kind, code) -> None:
    async def chat(websocket: FastAPIWebSocket) -> None:
        await websocket.accept()
        try:
            int(await websocket.receive_text())
        except ValueError:
            await websocket.close(code)

    done = audited(chatting(chat, talk, kind))
    assert done.result == [([], code)]
    assert done.findings == {}


@BOTH
def test_a_refused_handshake(audited, kind) -> None:
    async def chat(websocket: FastAPIWebSocket) -> None:
        await websocket.close(1011)

    done = audited(chatting(chat, talk, kind))
    assert done.result == [([], 403)]
    assert done.findings == {}


@BOTH
def test_a_handshake_refused_by_a_response(audited, kind) -> None:
    from starlette.responses import PlainTextResponse

    async def chat(websocket: FastAPIWebSocket) -> None:
        await websocket.send_denial_response(PlainTextResponse("no", 451))

    done = audited(chatting(chat, talk, kind))
    assert done.result == [([], 451)]
    assert done.findings == {}


@BOTH
@pytest.mark.parametrize("ws", ["websockets", "websockets-sansio"])
def test_a_client_that_vanishes_while_it_is_being_sent_to(audited, kind, ws) -> None:
    sent = []
    over = []

    async def chat(websocket: FastAPIWebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                await websocket.send_text("x" * 50_000)
                sent.append(True)
                await asyncio.sleep(0)
        except WebSocketDisconnect:
            for _ in range(3):  # nobody has told the others that send on it
                with contextlib.suppress(RuntimeError):
                    await websocket.send_text("x")
            over.append(True)

    async def vanish(url: str) -> None:
        connection = await websockets.connect(url)
        await connection.recv()
        connection.transport.abort()
        await connection.wait_closed()
        while not over:
            await asyncio.sleep(0.005)

    done = audited(chatting(chat, vanish, kind, ws))
    assert sent
    assert done.findings == {}


@BOTH
def test_a_client_that_leaves_an_application_that_does_not_expect_it(audited, kind) -> None:
    async def chat(websocket: FastAPIWebSocket) -> None:
        await websocket.accept()
        while True:
            await websocket.receive_text()

    async def leave(url: str) -> None:
        async with websockets.connect(url) as connection:
            await connection.send("hello")
        await asyncio.sleep(0.05)

    assert audited(chatting(chat, leave, kind)).findings == {}


def test_a_broadcast_that_meets_a_dead_connection(audited) -> None:
    everyone: list[WebSocket] = []
    rounds = []

    async def chat(websocket: WebSocket) -> None:
        await websocket.accept()
        everyone.append(websocket)
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.receive_text()
                for other in everyone:
                    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                        await other.send_text("news" * 10_000)
                rounds.append(True)
        everyone.remove(websocket)

    async def scenario() -> None:
        async with serving(application(chat)) as url:
            dead, alive = await websockets.connect(url), await websockets.connect(url)
            while len(everyone) < 2:
                await asyncio.sleep(0.005)
            await alive.send("tell")
            await dead.recv()
            dead.transport.abort()
            for _ in range(20):
                await alive.send("tell")
                await alive.recv()
            await alive.close()
            await dead.wait_closed()

    done = audited(scenario)
    assert len(rounds) >= 20
    assert done.findings == {}


# 1011


@BOTH
def test_an_exception_leaves_the_application(audited, kind) -> None:
    async def chat(websocket: FastAPIWebSocket) -> None:
        await websocket.accept()
        with user_scope("alice"):
            answer(await websocket.receive_text())

    done = audited(chatting(chat, talk, kind, clients=3))
    assert {code for _got, code in done.result} <= {1006, 1011}
    assert done.counts == {"IA308": 3}
    (finding,) = done.findings["IA308"]
    assert finding.message == "a connection ended: ValueError"
    assert (finding.site.top.function, finding.site.top.file) == ("answer", __file__)
    assert "hello" not in str(finding), "the exception's text may be a user's"
    assert finding.witnesses.owner


def answer(question: str) -> int:
    import json

    return json.loads(f"[{int(question)}")


@BOTH
def test_a_close_with_1011_is_tied_to_what_is_being_handled_and_counted_once(audited, kind) -> None:
    async def chat(websocket: FastAPIWebSocket) -> None:
        await websocket.accept()
        try:
            answer(await websocket.receive_text())
        except ValueError:
            await websocket.close(1011)
            raise

    done = audited(chatting(chat, talk, kind, clients=2))
    assert done.result == [([], 1011)] * 2
    assert done.counts == {"IA308": 2}
    (finding,) = done.findings["IA308"]
    assert finding.message == "a connection was closed with 1011: ValueError"
    assert finding.site.top.function == "answer"


@BOTH
def test_a_close_with_1011_for_no_exception(audited, kind) -> None:
    async def chat(websocket: FastAPIWebSocket) -> None:
        await websocket.accept()
        await websocket.close(1011)  # closed

    done = audited(chatting(chat, talk, kind))
    (finding,) = done.findings["IA308"]
    assert finding.message == "a connection was closed with 1011, and no exception was being handled"
    assert finding.site.top.line == line_of(test_a_close_with_1011_for_no_exception, "# closed")


@BOTH
def test_an_exception_that_means_1011(audited, kind) -> None:
    async def chat(websocket: FastAPIWebSocket) -> None:
        await websocket.accept()
        raise WebSocketException(1011)  # raised

    done = audited(chatting(chat, talk, kind))
    assert done.result == [([], 1011)]
    assert done.counts == {"IA308": 1}
    (finding,) = done.findings["IA308"]
    assert finding.site.top.line == line_of(test_an_exception_that_means_1011, "# raised")


@BOTH
def test_a_handshake_that_fails(audited, kind) -> None:
    async def chat(websocket: FastAPIWebSocket) -> None:
        raise KeyError("alice")

    done = audited(chatting(chat, talk, kind))
    assert done.result == [([], 500)]
    (finding,) = done.findings["IA308"]
    assert finding.message == "a connection failed in its handshake: KeyError"


def test_applications_in_applications_count_once_though_scopes_are_copied(audited) -> None:
    async def chat(websocket: WebSocket) -> None:
        await websocket.accept()
        raise LookupError

    class Copying:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(dict(scope), receive, send)

    inner = Starlette(routes=[WebSocketRoute("/", chat)])
    outer = Starlette(routes=[Mount("/", inner)])
    outer.add_middleware(Copying)

    async def scenario() -> Any:
        async with serving(outer) as url:
            return await talk(url)

    assert audited(scenario).counts == {"IA308": 1}


def test_a_group_of_exceptions(audited) -> None:
    async def chat(websocket: WebSocket) -> None:
        await websocket.accept()
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(answer, "hello"))

    (finding,) = audited(chatting(chat, talk)).findings["IA308"]
    assert finding.message == "a connection ended: ValueError"
    assert finding.site.top.function == "answer"


def test_exceptions_after_the_end_change_nothing_any_more(audited) -> None:
    async def chat(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()
        raise KeyError

    done = audited(chatting(chat, talk))
    assert done.result == [([], 1000)]
    assert done.findings == {}


# As before


def test_nothing_is_kept_alive_and_everything_is_restored(audited) -> None:
    import gc
    import weakref

    before = (WebSocket.send.__code__, WebSocket.receive.__code__, Starlette.__call__.__code__)
    seen: list[weakref.ref[WebSocket]] = []

    async def chat(websocket: FastAPIWebSocket) -> None:
        seen.append(weakref.ref(websocket))
        assert WebSocket.send.__code__ is not before[0]
        await echo(websocket)

    done = audited(chatting(chat, talk, clients=5))
    gc.collect()
    assert [reference() for reference in seen] == [None] * 5
    assert len(done.auditor.runtime.objects) == 0
    assert before == (WebSocket.send.__code__, WebSocket.receive.__code__, Starlette.__call__.__code__)


def test_switched_off(audited) -> None:
    async def chat(websocket: WebSocket) -> None:
        with contextlib.suppress(RuntimeError):
            await websocket.send_text("early")
        await echo(websocket)

    done = audited(chatting(chat, talk), Config(integrations=model.Integrations(disable=("starlette",))))
    assert done.findings == {}
    assert not [one for one in done.auditor.instrumentation.integrated if "starlette" in str(one.target)]
