"""Users whom requests name themselves, in applications that ask nobody to log in: ``user_id`` beside a message."""

from __future__ import annotations

import asyncio
import contextlib
import json
from contextvars import ContextVar
from typing import Any

import pytest
from clients import NAMED, Browser, known, told, websocket
from servers import serving, serving_aiohttp, serving_wsgi

from isolation_audit.config import parse_config

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)

JSON = {"Content-Type": "application/json"}


class Agent:
    """What answers; ``leaking`` keeps the last question on an object that all share."""

    def __init__(self, *, leaking: bool) -> None:
        self.leaking = leaking
        self.question = ""

    def ask(self, question: str) -> str:
        """Take the question."""
        own, self.question = self.question, question
        return own if self.leaking and own else question


@contextlib.asynccontextmanager
async def by_starlette(agent: Agent) -> Any:
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route, WebSocketRoute

    async def chat(request: Any) -> Any:
        said = await request.json()
        return JSONResponse({"user": known(), "answer": agent.ask(said["message"])})

    async def history(_request: Any) -> Any:
        return JSONResponse({"user": known()})

    async def connection(socket: Any) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_text(json.dumps({"user": known(), "answer": agent.ask(text)}))

    routes = [
        Route("/chat", chat, methods=["POST"]),
        Route("/history/{user_id}", history),
        WebSocketRoute("/ws/{user_id}", connection),
    ]
    async with serving(Starlette(routes=routes)) as url:
        yield url


@contextlib.asynccontextmanager
async def by_fastapi(agent: Agent) -> Any:
    from fastapi import Body, FastAPI

    app = FastAPI()

    @app.post("/chat")
    def chat(user_id: str = Body(), message: str = Body()) -> dict[str, Any]:
        return {"user": known(), "answer": agent.ask(message)}

    @app.get("/history/{user_id}")
    async def history(user_id: str) -> dict[str, Any]:
        return {"user": known()}

    async with serving(app) as url:
        yield url


@contextlib.asynccontextmanager
async def by_flask(agent: Agent) -> Any:
    import flask

    app = flask.Flask(__name__)

    @app.post("/chat")
    def chat() -> Any:
        message = flask.request.get_json(force=True)["message"]
        return {"user": known(), "answer": agent.ask(message)}

    @app.get("/history/<user_id>")
    def history(user_id: str) -> Any:
        return {"user": known()}

    async with serving_wsgi(app) as url:
        yield url


@contextlib.asynccontextmanager
async def by_aiohttp(agent: Agent) -> Any:
    from aiohttp import web

    async def chat(request: Any) -> Any:
        said = await request.json()
        return web.json_response({"user": known(), "answer": agent.ask(said["message"])})

    async def history(_request: Any) -> Any:
        return web.json_response({"user": known()})

    app = web.Application()
    app.add_routes([web.post("/chat", chat), web.get("/history/{user_id}", history)])
    async with serving_aiohttp(app) as url:
        yield url


@contextlib.asynccontextmanager
async def by_quart(agent: Agent) -> Any:
    quart = pytest.importorskip("quart")
    app = quart.Quart(__name__)

    @app.post("/chat")
    async def chat() -> Any:
        message = (await quart.request.get_json())["message"]
        return {"user": known(), "answer": agent.ask(message)}

    @app.get("/history/<user_id>")
    async def history(user_id: str) -> Any:
        return {"user": known()}

    async with serving(app) as url:
        yield url


@contextlib.asynccontextmanager
async def by_litestar(agent: Agent) -> Any:
    litestar = pytest.importorskip("litestar")

    async def chat(request: Any) -> Any:
        message = (await request.json())["message"]
        return {"user": known(), "answer": agent.ask(message)}

    async def history(request: Any) -> Any:
        return {"user": known()}

    for view in (chat, history):
        view.__annotations__ = {"request": litestar.Request, "return": dict[str, Any]}
    routes = [litestar.post("/chat")(chat), litestar.get("/history/{user_id:str}")(history)]
    async with serving(litestar.Litestar(routes)) as url:
        yield url


@contextlib.asynccontextmanager
async def by_tornado(agent: Agent) -> Any:
    web = pytest.importorskip("tornado.web")
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets

    class Chat(web.RequestHandler):
        def post(self) -> None:
            self.write({"user": known(), "answer": agent.ask(json.loads(self.request.body)["message"])})

    class History(web.RequestHandler):
        def get(self, user_id: str) -> None:
            self.write({"user": known()})

    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(web.Application([("/chat", Chat), ("/history/(?P<user_id>.*)", History)]))
    server.add_sockets(sockets)
    try:
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    finally:
        server.stop()


FRAMEWORKS = [by_starlette, by_fastapi, by_flask, by_aiohttp, by_quart, by_litestar, by_tornado]


async def says(browser: Browser, user: str, message: str) -> dict[str, Any]:
    return json.loads(await browser.get("/chat", body=json.dumps({"user_id": user, "message": message})))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_body_names_its_user_and_later_the_path(framework, audited):
    async def scenario():
        async with framework(Agent(leaking=False)) as url:
            browser = Browser(url, **JSON)
            seen = [json.loads(await browser.get("/history/alice"))["user"]]
            seen += [(await says(browser, user, "Where is the harbour?"))["user"] for user in ("alice", "bob")]
            seen += [json.loads(await browser.get(f"/history/{user}"))["user"] for user in ("alice", "bob", "carol")]
            browser.close()
            return seen

    done = audited(scenario, NAMED)
    assert done.result == [None, "alice", "bob", "alice", "bob", None]
    assert told(done.findings) == []
    assert done.auditor.snapshot()["summary"]["users_by_source"]["parameters"] == 4


@pytest.mark.parametrize("leaking", [False, True])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_one_has_said_to_a_shared_agent_and_another_is_answered(framework, leaking, audited):
    async def scenario():
        async with framework(Agent(leaking=leaking)) as url:
            browser = Browser(url, **JSON)
            await says(browser, "alice", "My surgery at the Lindenhof clinic is on Thursday, what should I pack?")
            await says(browser, "bob", "Which trains leave for the northern coast before nine in the morning?")
            browser.close()

    found = told(audited(scenario, NAMED).findings)
    assert found == ([("IA203", "bob", "alice")] if leaking else [])


def test_a_websocket_is_whoever_s_its_path_names(audited):
    async def scenario():
        async with by_starlette(Agent(leaking=False)) as url:
            seen = []
            for user in ("alice", "bob"):
                async with websocket(f"{url}/ws/{user}") as connection:
                    await connection.send_str("Good morning to everybody at the desk")
                    seen.append(json.loads(await connection.receive_str())["user"])
            return seen

    done = audited(scenario, NAMED)
    assert (done.result, told(done.findings)) == (["alice", "bob"], [])


@pytest.mark.parametrize("leaking", [False, True])
def test_what_the_first_message_of_a_connection_has_said_is_its_user_s(leaking, audited):
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute

    agent = Agent(leaking=leaking)

    async def connection(socket: Any) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_text(json.dumps({"answer": agent.ask(json.loads(text)["text"])}))

    async def scenario():
        app = Starlette(routes=[WebSocketRoute("/", connection)])
        async with serving(app) as url, websocket(url) as alice, websocket(url) as bob:
            said = [(alice, "alice", "my employer must not hear that I am ill"), (bob, "bob", "name a small boat")]
            for one, user, text in said:
                await one.send_str(json.dumps({"user_id": user, "text": text}))
                await one.receive_str()

    assert told(audited(scenario, NAMED).findings) == ([("IA203", "bob", "alice")] if leaking else [])


def test_a_connection_that_speaks_for_two_is_nobody_s(audited):
    """A gateway passes on what its users say."""

    async def scenario():
        from starlette.applications import Starlette
        from starlette.routing import WebSocketRoute

        async def connection(socket: Any) -> None:
            await socket.accept()
            async for _text in socket.iter_text():
                await socket.send_text(json.dumps(known()))

        async with serving(Starlette(routes=[WebSocketRoute("/", connection)])) as url, websocket(url) as connected:
            seen = []
            for user in ("alice", "bob", "alice"):
                await connected.send_str(json.dumps({"user_id": user, "text": f"a word of {user}"}))
                seen.append(json.loads(await connected.receive_str()))
            return seen

    assert audited(scenario, NAMED).result == ["alice", None, None]


def test_parameters_lose_the_word_once_anybody_has_logged_in(audited):
    """From then on ``user_id`` may be whoever is looked after."""

    async def scenario():
        async with by_starlette(Agent(leaking=False)) as url:
            browser, seen = Browser(url, **JSON), []
            seen.append((await says(browser, "alice", "hello"))["user"])
            seen.append(json.loads(await browser.get("/history/alice", user="carol"))["user"])
            seen.append((await says(browser, "alice", "hello"))["user"])
            browser.close()
            return seen

    assert audited(scenario, NAMED).result == ["alice", "carol", None]


def test_the_source_can_be_switched_off(audited):
    async def scenario():
        async with by_starlette(Agent(leaking=False)) as url:
            browser = Browser(url, **JSON)
            seen = (await says(browser, "alice", "hello"))["user"]
            browser.close()
            return seen

    assert (
        audited(scenario, parse_config({"identity": {"detect": ["login"]}, "report": {"terminal": False}})).result
        is None
    )


@pytest.mark.parametrize("leaking", [True, False])
def test_a_connection_stays_whose_path_has_named_them_once_headers_name_users(audited, leaking):
    """A header has the word before a parameter; the connections were opened by whom the path names."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route, WebSocketRoute

    queues: dict[str, asyncio.Queue[str]] = {}

    def queue_of(user: str) -> asyncio.Queue[str]:
        return queues.setdefault("all" if leaking else user, asyncio.Queue())

    async def connection(socket: Any) -> None:
        current_user.set(socket.path_params["user_id"])
        await socket.accept()
        sending = asyncio.create_task(send(socket))
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass
        sending.cancel()

    async def send(socket: Any) -> None:
        while True:
            await socket.send_text(await queue_of(socket.path_params["user_id"]).get())

    async def upload(request: Any) -> Any:
        current_user.set(request.headers["x-user"])
        await queue_of(request.headers["x-user"]).put(f"read the file of {request.headers['x-user']}")
        return PlainTextResponse("done")

    async def talk() -> list[str]:
        app = Starlette(
            routes=[WebSocketRoute("/ws/{user_id}", connection), Route("/upload", upload, methods=["POST"])]
        )
        async with serving(app) as url, websocket(f"{url}/ws/bob") as hers, websocket(f"{url}/ws/alice") as mine:
            page = Browser(url)
            for user in ("alice", "bob"):
                await page.get("/upload", user, "")
            page.close()
            return [(await one.receive(timeout=30)).data for one in (hers, mine)]

    named = {"ambient": {"contextvar": f"{__name__}:current_user"}, "report": {"raw_ids": True, "terminal": False}}
    done = audited(talk, parse_config(named))
    assert done.result == [f"read the file of {one}" for one in (("alice", "bob") if leaking else ("bob", "alice"))]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])  # the other's is the same finding
