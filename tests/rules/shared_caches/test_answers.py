"""Answers for one user that caches for everybody may keep: through Flask's own client, and from servers."""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import flask
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.authentication import SimpleUser
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from isolation_audit.analysis.cache_policy import kept_for_all
from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

if TYPE_CHECKING:
    from collections.abc import Iterator

ALICE, BOB, CAROL = "user-alice", "user-bob", "user-carol"
OWED = {ALICE: 81230, BOB: 12, CAROL: 7}
PUBLIC = {"Cache-Control": "public, max-age=300"}


def found(auditor: Auditor) -> list[tuple[str, str, str | None, str | None]]:
    entries = [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule != "IA904"]
    return [(one.rule, one.severity.value, one.witnesses.ambient, one.witnesses.owner) for one in entries]


def auditing() -> Auditor:
    return Auditor(Config(report=model.Report(terminal=False, raw_ids=True)))


@contextmanager
def serving(app: Any) -> Iterator[int]:
    """A server for an application; gives its port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def ask(
    port: int, path: str, *, method: str = "GET", body: str | None = None, headers: dict[str, str] | None = None
) -> tuple[str, str]:
    """What a server answers, and the cookie that it sets."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        client.request(method, path, body=body, headers=headers or {})
        answer = client.getresponse()
        return answer.read().decode(), (answer.headers["set-cookie"] or "").partition(";")[0]
    finally:
        client.close()


def asked(answer: Any, *users: str, path: str = "/page", method: str = "GET") -> list[Any]:
    """What an audit finds after a request of each user, which ``answer(user)`` answers."""
    app = flask.Flask("shop")
    app.add_url_rule("/<path:_path>", "page", lambda _path: answer(flask.request.headers["x-user"]), methods=[method])
    with auditing() as auditor:
        for user in users:
            app.test_client().open(path, method=method, headers={"x-user": user})
        auditor.settle()
        return found(auditor)


def page(body: Any, headers: dict[str, str] = PUBLIC) -> Any:
    return flask.Response(flask.json.dumps(body), headers=headers, content_type="application/json")


def named(user: str) -> Any:
    return page({"you": user, "owed": OWED[user]})


def nameless(user: str) -> Any:
    return page({"owed": OWED[user]})


def with_session(user: str, **headers: str) -> Any:
    return page("news", PUBLIC | {"Set-Cookie": f"session=s-{hash(user)}; Path=/"} | headers)


def test_two_users_are_named_at_one_address() -> None:
    assert asked(named, ALICE, BOB) == [("IA212", "error", BOB, ALICE)]


def test_a_session_s_cookie() -> None:
    assert asked(with_session, ALICE) == [("IA212", "error", ALICE, None)]


def test_the_reader_alone_is_named_after_the_request() -> None:
    assert asked(named, ALICE) == [("IA212", "warning", ALICE, None)]


def test_what_names_nobody_and_comes_again() -> None:
    assert asked(nameless, ALICE, BOB, ALICE) == [("IA212", "warning", ALICE, BOB)]


def test_what_a_cache_has_given_to_another_is_tied_to_the_answer() -> None:
    kept: list[Any] = []

    def through_a_cache(user: str) -> Any:
        if not kept:
            kept.append(user)
        return named(user) if user == ALICE else page({"you": kept[0], "owed": OWED[kept[0]]}, {})

    assert sorted(asked(through_a_cache, ALICE, BOB)) == [
        ("IA203", "error", BOB, None),
        ("IA212", "error", ALICE, BOB),
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Cache-Control": "private, max-age=300"},
        {"Cache-Control": "no-store"},
        {"Cache-Control": "public, no-cache"},
        {"Cache-Control": "public, max-age=0"},
        {"Cache-Control": "max-age=300"},
        {"Cache-Control": "s-maxage=0, public"},
        PUBLIC | {"Vary": "Accept-Encoding, Cookie"},
        PUBLIC | {"Vary": "Authorization"},
        PUBLIC | {"Vary": "*"},
        PUBLIC | {"Vary": "X-User"},
    ],
)
def test_what_is_not_to_be_kept_for_all(headers: dict[str, str]) -> None:
    assert kept_for_all([(name.encode(), value.encode()) for name, value in headers.items()]) is None


@pytest.mark.parametrize("head", ["private", "vary"])
def test_a_personal_page_whose_head_says_so(head: str) -> None:
    headers = {"Cache-Control": "private"} if head == "private" else PUBLIC | {"Vary": "Cookie"}
    assert asked(lambda user: page({"you": user, "owed": OWED[user]}, headers), ALICE, BOB, ALICE) == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda _user: page({"author": ALICE, "title": "news"}),
        lambda _user: page({"title": "news", "likes": 12}),
        lambda user: page(
            {"title": "news"}, PUBLIC | {"Set-Cookie": f"lang={'de' if user == ALICE else 'fr'}-long-one"}
        ),
        lambda user: page({"title": "news"}, PUBLIC | {"Set-Cookie": f"csrftoken={hash(user):032x}"}),
        lambda user: page(
            {"title": "news"}, PUBLIC | {"Set-Cookie": f"cart=7c1e4a90-{len(user)}d2f-4b8e-9a31-55e0b7c6d812"}
        ),
        lambda user: page({"title": "news"}, PUBLIC | {"Set-Cookie": "session=; Max-Age=0", "X-Reader": user}),
        lambda user: page({"at": time.perf_counter_ns(), "title": "news", "n": OWED[user]}),
    ],
)
def test_public_pages(answer: Any) -> None:
    assert asked(answer, ALICE, BOB, ALICE, BOB) == []


def test_a_page_for_all_that_names_somebody_of_whom_it_tells() -> None:
    """Its first reader is the one whom it names; then others get the same, from the same view."""
    told = asked(lambda _user: page({"winner": ALICE, "title": "results"}), ALICE, BOB)
    assert "IA212" not in {rule for rule, *_rest in told}


def test_an_address_that_names_its_reader() -> None:
    assert asked(named, ALICE, path=f"/users/{ALICE}") == []


def test_what_changes_for_all_is_no_answer_of_one_user() -> None:
    versions = iter(range(10))
    assert asked(lambda _user: page({"version": next(versions) // 2}), ALICE, ALICE, BOB, BOB, ALICE) == []


def test_what_is_posted_is_kept_by_nobody() -> None:
    assert asked(named, ALICE, BOB, method="POST") == []


class Sessions:
    """Logs in by POST, and renews the cookie with each page; where it ``keeps``, a cache keeps a page for all."""

    def __init__(self, *, keeps: bool) -> None:
        self._keeps = keeps
        self._sessions: dict[str, str] = {}
        self._page: Any = None

    async def __call__(self, request: Any) -> Any:
        if request.method == "POST":
            number = len(self._sessions) + 1
            value = f"{number}a8f2c9e1b7d4035f6c2e97"
            self._sessions[value] = (await request.body()).decode()
            return PlainTextResponse("in", headers={"set-cookie": f"session={value}"})
        value = request.cookies["session"]
        request.scope["user"] = SimpleUser(self._sessions[value])
        if self._page is None or not self._keeps:
            self._page = {"set-cookie": f"session={value}"}
        return PlainTextResponse("news", headers=self._page)


@pytest.mark.parametrize("keeps", [True, False])
def test_a_cache_gives_the_cookie_of_a_session_to_another_user(keeps: bool) -> None:
    """The page itself says nothing of caches."""
    app = Starlette(routes=[Route("/", Sessions(keeps=keeps).__call__, methods=["GET", "POST"])])
    with auditing() as auditor, serving(app) as port:
        sessions = {}
        for user in (ALICE, BOB):
            _body, cookie = ask(port, "/", method="POST", body=user)
            sessions[user] = cookie
            ask(port, "/", headers={"cookie": cookie})
        assert len({*sessions.values()}) == 2
        auditor.settle()
        assert found(auditor) == ([("IA212", "error", ALICE, BOB)] if keeps else [])


def test_the_head_that_leaves_is_what_counts() -> None:
    """Middleware around the application makes one path public; the framework's answer itself says nothing."""

    class Public:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def told(message: Any) -> None:
                if message["type"] == "http.response.start" and scope["path"] == "/public":
                    message["headers"] = [*message["headers"], (b"cache-control", b"s-maxage=600")]
                await send(message)

            await self.app(scope, receive, told)

    async def view(request: Any) -> Any:
        return JSONResponse({"you": request.headers["x-user"]})

    app = Starlette(routes=[Route("/{path}", view)], middleware=[Middleware(Public)])
    with auditing() as auditor, serving(app) as port:
        for path in ("/private", "/public"):
            for user in (ALICE, BOB):
                assert user in ask(port, path, headers={"x-user": user})[0]
        auditor.settle()
        assert found(auditor) == [("IA212", "error", BOB, ALICE)]
