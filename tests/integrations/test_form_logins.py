"""Applications that keep their sessions themselves: whoever has logged in by a form is who comes with the cookie."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest
from clients import NAMED, known
from servers import serving, serving_aiohttp, serving_wsgi
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

httpx = pytest.importorskip("httpx")

WORDS = {"alice": "my card ends in 4242", "bob": "my train leaves at eight"}


class Site:
    """What all frameworks below have in common; a session is a dictionary that nobody but the site knows of."""

    def __init__(self, *, leaking: bool = False) -> None:
        self.leaking = leaking
        self.sessions: dict[str, str] = {}
        self.said: dict[str, str] = {}

    def enter(self, user: str) -> str:
        number = secrets.token_urlsafe(24)
        self.sessions[number] = user
        return number

    def read(self, session: str) -> str:
        user = self.sessions[session]
        return next(iter(self.said.values())) if self.leaking else self.said[user]


def starlette(site: Site) -> Any:
    """The cookie comes with JSON, or with a redirect; ``/again`` and ``/back`` are logins that fail."""

    async def login(request: Request) -> JSONResponse:
        answer = JSONResponse({"ok": True})
        answer.set_cookie("sid", site.enter((await request.json())["username"]))
        return answer

    async def sign_in(request: Request) -> RedirectResponse:
        form = await request.form()
        answer = RedirectResponse("/read", 303)
        answer.set_cookie("sid", site.enter(str(form["account_name"])))
        return answer

    async def again(request: Request) -> HTMLResponse:
        await request.form()
        answer = HTMLResponse("<form>wrong</form>")
        answer.set_cookie("sid", site.enter("nobody"))
        return answer

    async def back(request: Request) -> RedirectResponse:
        await request.form()
        answer = RedirectResponse("/login?wrong=1", 303)
        answer.set_cookie("sid", site.enter("nobody"))
        return answer

    async def say(request: Request) -> JSONResponse:
        site.said[site.sessions[request.cookies["sid"]]] = (await request.json())["text"]
        return JSONResponse({})

    async def read(request: Request) -> JSONResponse:
        return JSONResponse({"text": site.read(request.cookies["sid"])})

    async def who(_request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(known()))

    ways = {"login": login, "sign-in": sign_in, "login/again": again, "login/back": back, "say": say, "add": sign_in}
    routes = [Route(f"/{path}", view, methods=["POST"]) for path, view in ways.items()]
    return Starlette(routes=[*routes, Route("/read", read), Route("/who", who)])


async def by_json(browser: Any, user: str) -> None:
    await browser.post("/login", json={"username": user, "password": "open sesame"})


async def by_form(browser: Any, user: str) -> None:
    await browser.post("/sign-in", data={"account_name": user, "password": "open sesame"})


@pytest.mark.parametrize("way", [by_json, by_form])
@pytest.mark.parametrize("leaking", [True, False])
def test_the_cookie_of_a_login_is_that_users(audited, way: Any, leaking: bool) -> None:
    async def visits() -> list[str]:
        got = []
        async with serving(starlette(Site(leaking=leaking))) as url:
            browsers = {user: httpx.AsyncClient(base_url=url.replace("ws:", "http:")) for user in WORDS}
            for user, browser in browsers.items():
                await way(browser, user)
                await browser.post("/say", json={"text": WORDS[user]})
            for browser in browsers.values():
                got.append((await browser.get("/read")).json()["text"])
                await browser.aclose()
        return got

    done = audited(visits, NAMED)
    assert done.result == [WORDS["alice"], WORDS["alice" if leaking else "bob"]]
    found = [(one.rule, *one.witnesses.pair()) for several in done.findings.values() for one in several]
    assert found == ([("IA203", "bob", "alice")] if leaking else [])
    tally = done.auditor.runtime.tally
    assert tally.requests_named == tally.requests


async def _told_after(*steps: tuple[str, dict[str, str]]) -> str:
    async with (
        serving(starlette(Site())) as url,
        httpx.AsyncClient(base_url=url.replace("ws:", "http:")) as browser,
    ):
        for path, form in steps:
            assert (await browser.post(path, data=form)).status_code < 400
        return str((await browser.get("/who")).text)


ALICE = {"username": "alice", "password": "guessed"}


@pytest.mark.parametrize("path", ["/login/again", "/login/back"])
def test_a_login_that_fails_names_nobody(audited, path: str) -> None:
    assert audited(lambda: _told_after((path, ALICE)), NAMED).result == "None"


def test_a_form_that_adds_a_user_is_no_login(audited) -> None:
    form = {"account_name": "carol", "password": "new"}
    assert audited(lambda: _told_after(("/add", form)), NAMED).result == "None"


def test_a_form_that_says_so_is_a_login_at_any_address(audited) -> None:
    form = {"account_name": "carol", "password": "known", "@action": "login"}
    assert audited(lambda: _told_after(("/add", form)), NAMED).result == "carol"


def test_who_logs_in_on_somebody_elses_browser_is_who_it_says(audited) -> None:
    both = [("/sign-in", {"account_name": user, "password": "open sesame"}) for user in ("alice", "bob")]
    assert audited(lambda: _told_after(*both), NAMED).result == "bob"


def flask(site: Site) -> Any:
    module = pytest.importorskip("flask")
    app = module.Flask(__name__)

    @app.post("/login")
    def login() -> Any:
        answer = module.redirect("/who")
        answer.set_cookie("sid", site.enter(module.request.form["name"]))
        return answer

    @app.get("/who")
    def who() -> str:
        return str(known())

    return app


def serving_flask(app: Any) -> Any:
    return serving_wsgi(app)


def aiohttp(site: Site) -> Any:
    web = pytest.importorskip("aiohttp.web")

    async def login(request: Any) -> Any:
        answer = web.Response(status=302, headers={"location": "/who"})
        answer.set_cookie("sid", site.enter((await request.post())["name"]))
        return answer

    async def who(_request: Any) -> Any:
        return web.Response(text=str(known()))

    app = web.Application()
    app.add_routes([web.post("/login", login), web.get("/who", who)])
    return app


def tornado(site: Site) -> Any:
    web = pytest.importorskip("tornado.web")

    class Login(web.RequestHandler):
        def post(self) -> None:
            self.set_cookie("sid", site.enter(self.get_body_argument("name")))
            self.redirect("/who")

    class Who(web.RequestHandler):
        def get(self) -> None:
            self.write(str(known()))

    return web.Application([("/login", Login), ("/who", Who)])


class _Tornado:
    """An application on Tornado's server: an asynchronous context manager that gives the address."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __aenter__(self) -> str:
        from tornado.httpserver import HTTPServer
        from tornado.testing import bind_unused_port

        listener, port = bind_unused_port("127.0.0.1")
        self._server = HTTPServer(self._app)
        self._server.add_socket(listener)
        return f"http://127.0.0.1:{port}"

    async def __aexit__(self, *_details: object) -> None:
        self._server.stop()
        await self._server.close_all_connections()


@pytest.mark.parametrize(
    ("make", "serve"), [(flask, serving_flask), (aiohttp, serving_aiohttp), (tornado, _Tornado)], ids=lambda one: ""
)
def test_other_frameworks_keep_forms_and_headers_elsewhere(audited, make: Any, serve: Any) -> None:
    async def visit() -> str:
        async with serve(make(Site())) as url, httpx.AsyncClient(base_url=url) as browser:
            form = {"name": "alice", "password": "open sesame"}
            assert (await browser.post("/login", data=form)).status_code == 302
            return str((await browser.get("/who")).text)

    assert audited(visit, NAMED).result == "alice"
