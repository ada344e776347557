"""Twisted's web server: whose its requests are, what comes in with them, and answers that are written later."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import threading
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from clients import NAMED, Browser, known, told

pytest.importorskip("twisted")

from twisted.internet import defer, reactor, task, threads
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from twisted.web.wsgi import WSGIResource


@pytest.fixture(scope="module", autouse=True)
def _reactor():
    """One for all tests: it can't be started twice in a process. Afterwards nobody needs it any more."""
    if not reactor.running:
        thread = threading.Thread(target=reactor.run, kwargs={"installSignalHandlers": False}, daemon=True)
        thread.start()
        while not reactor.running:
            thread.join(0.01)


@contextmanager
def serving(resource: Any) -> Any:
    """The address of a site with this resource, on the reactor's thread."""
    site = Site(resource)
    site.displayTracebacks = site.noisy = False
    port = threads.blockingCallFromThread(reactor, reactor.listenTCP, 0, site, interface="127.0.0.1")
    try:
        yield f"http://127.0.0.1:{port.getHost().port}"
    finally:
        threads.blockingCallFromThread(reactor, lambda: defer.maybeDeferred(port.stopListening))


def visiting(resource: Any, *paths: str, users: tuple[str, ...] = ("alice", "bob"), body: str | None = None) -> Any:
    """A scenario: each user asks for each path, one after the other, on a connection of their own."""

    async def scenario() -> list[str]:
        with serving(resource) as url:
            got = []
            for user in users:
                browser = Browser(url)
                got += [await browser.get(path, user, body) for path in paths]
                browser.close()
        return got

    return scenario


def user_of(request: Any) -> str:
    return request.getHeader("x-user")


class View(Resource):
    """Answers with what its function gives, at once."""

    isLeaf = True

    def __init__(self, view: Any) -> None:
        super().__init__()
        self.view = view

    def render_GET(self, request: Any) -> Any:
        request.setHeader(b"content-type", b"application/json")
        return json.dumps(self.view(request)).encode()

    render_POST = render_GET


class Later(View):
    """Answers from a callback, which has nothing of the request but the object."""

    def render_GET(self, request: Any) -> Any:
        task.deferLater(reactor, 0.01, self.view, request).addCallback(self.answer, request)
        return NOT_DONE_YET

    def answer(self, body: Any, request: Any) -> None:
        request.setHeader(b"content-type", b"application/json")
        request.write(json.dumps(body).encode())
        request.finish()


class Coroutine(Later):
    """Answers from a coroutine."""

    def render_GET(self, request: Any) -> Any:
        async def go() -> None:
            await task.deferLater(reactor, 0.01, int)
            self.answer(self.view(request), request)

        defer.ensureDeferred(go())
        return NOT_DONE_YET


class Remembering:
    """A greeting, which with ``leaking`` is that of whoever came first."""

    def __init__(self, *, leaking: bool) -> None:
        self.leaking = leaking
        self.kept: list[str] = []

    def __call__(self, request: Any) -> Any:
        self.kept.append(user_of(request))
        return {"hello": self.kept[0 if self.leaking else -1]}


@pytest.mark.parametrize("kind", [View, Later, Coroutine])
@pytest.mark.parametrize("leaking", [True, False])
def test_an_answer_that_is_kept_for_everybody(audited, kind, leaking):
    done = audited(visiting(kind(Remembering(leaking=leaking)), "/hello?of=you"), NAMED)
    assert ["alice" in one for one in done.result] == [True, leaking]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    for finding in (one for several in done.findings.values() for one in several):
        assert any(frame.file == __file__ for frame in finding.site.stack)
    tally = done.auditor.runtime.tally
    assert tally.requests == tally.requests_named == 2


def test_the_user_is_known_where_it_is_handled_and_nobody_is_afterwards(audited):
    seen: list[Any] = []

    def view(request: Any) -> str:
        seen.append(known())
        request.notifyFinish().addBoth(lambda _nothing: reactor.callLater(0, lambda: seen.append(known())))
        return "ok"

    async def scenario() -> Any:
        await visiting(View(view), "/a", users=("alice", "bob"))()
        return threads.blockingCallFromThread(reactor, known)

    done = audited(scenario, NAMED)
    assert done.result is None
    assert sorted(map(str, seen)) == ["None", "None", "alice", "bob"]


@pytest.mark.parametrize("kind", [View, Later, Coroutine])
def test_rows_that_a_thread_has_read_for_the_request_explain_whom_they_name(audited, tmp_path, kind):
    file = tmp_path / "tickets.sqlite"
    with closing(sqlite3.connect(file)) as database:
        database.execute("create table tickets (owner, title)")
        database.execute("insert into tickets values ('alice', 'the lamp is broken')")
        database.commit()

    def rows() -> Any:
        with closing(sqlite3.connect(file)) as database:
            return database.execute("select owner, title from tickets").fetchall()

    class Tickets(Later):
        def render_GET(self, request: Any) -> Any:
            threads.deferToThread(rows).addCallback(self.answer, request)
            return NOT_DONE_YET

    class InCoroutine(Tickets):
        def render_GET(self, request: Any) -> Any:
            async def go() -> None:
                self.answer(await threads.deferToThread(rows), request)

            defer.ensureDeferred(go())
            return NOT_DONE_YET

    view = {View: View(lambda _request: rows()), Later: Tickets(None), Coroutine: InCoroutine(None)}[kind]
    done = audited(visiting(view, "/tickets", users=("alice", "bob")), NAMED)
    assert all("lamp" in one for one in done.result)
    assert {one.severity.name for several in done.findings.values() for one in several} <= {"NOTE"}


@pytest.mark.parametrize("body", ['{"for": "alice"}', "x" * 200_000 + " alice"])
def test_what_came_in_with_the_body_explains_itself(audited, body):
    def echo(request: Any) -> Any:
        return {"got": request.content.read().decode()[-40:]}

    async def scenario() -> Any:
        await visiting(View(echo), "/echo", users=("alice",))()
        return await visiting(View(echo), "/echo", users=("bob",), body=body)()

    done = audited(scenario, NAMED)
    assert "alice" in done.result[0]
    assert told(done.findings) == []


def test_the_next_request_of_a_connection_may_be_somebody_elses(audited):
    heads = [
        f"GET /hello HTTP/1.1\r\nHost: here\r\nX-User: {user}\r\nConnection: {kept}\r\n\r\n"
        for user, kept in (("alice", "keep-alive"), ("bob", "keep-alive"), ("alice", "close"))
    ]

    async def scenario() -> bytes:
        with serving(View(lambda request: {"hello": user_of(request)})) as url:
            return await asyncio.to_thread(sent, url, "".join(heads))

    done = audited(scenario, NAMED)
    assert done.result.count(b"alice") == 2
    assert told(done.findings) == []
    tally = done.auditor.runtime.tally
    assert tally.requests == tally.requests_named == 3


def sent(url: str, text: str) -> bytes:
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        connection.sendall(text.encode())
        got = b""
        while part := connection.recv(10_000):
            got += part
        return got


def test_a_client_that_has_left_has_its_request_ended(audited):
    left = threading.Event()

    class Never(Resource):
        isLeaf = True

        def render_GET(self, request: Any) -> Any:
            request.notifyFinish().addErrback(lambda _why: left.set())
            return NOT_DONE_YET

    async def scenario() -> bool:
        with serving(Never()) as url:
            place = urlsplit(url)
            with socket.create_connection((place.hostname, place.port)) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: here\r\nX-User: alice\r\n\r\n")
            return await asyncio.to_thread(left.wait, 60)

    done = audited(scenario, NAMED)
    assert done.result
    tally = done.auditor.runtime.tally
    assert tally.requests == tally.requests_named == 1


@pytest.mark.parametrize("kept", ["attribute", "info"])
@pytest.mark.parametrize("leaking", [True, False])
def test_whoever_is_on_the_session_is_the_user(audited, leaking, kept):
    words: list[str] = []

    def view(request: Any) -> Any:
        session = request.getSession()
        if b"as" in request.args:
            name = request.args[b"as"][0].decode()
            if kept == "attribute":
                session.username = name
            else:
                session.user_info = {"username": name, "groups": []}
        mine = getattr(session, "username", None) or session.user_info["username"]
        words.append(mine)
        return {"hello": words[0] if leaking else mine}

    async def scenario() -> list[str]:
        with serving(View(view)) as url:
            got = []
            for user in ("alice", "bob"):
                browser = Browser(url)
                got += [await browser.get(f"/?as={user}"), await browser.get("/")]
                browser.close()
        return got

    done = audited(scenario, NAMED)
    assert ("alice" in done.result[-1]) is leaking
    assert set(told(done.findings)) == ({("IA203", "bob", "alice")} if leaking else set())
    tally = done.auditor.runtime.tally
    assert tally.requests == tally.requests_named == 4


@pytest.mark.parametrize("leaking", [True, False])
def test_an_application_of_wsgi_works_for_the_request_that_it_answers(audited, leaking):
    kept: list[str] = []
    seen: list[Any] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(known())
        kept.append(environ["HTTP_X_USER"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"hello {kept[0 if leaking else -1]}".encode()]

    resource = WSGIResource(reactor, reactor.getThreadPool(), application)
    done = audited(visiting(resource, "/"), NAMED)
    assert seen == ["alice", "bob"]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    assert done.auditor.runtime.tally.requests == 2


def test_what_a_view_raises_and_heads_are_answered_as_ever(audited):
    def broken(_request: Any) -> Any:
        raise LookupError("broken")

    async def scenario() -> tuple[bytes, bytes]:
        with serving(View(broken)) as url, serving(View(user_of)) as other:
            head = "{} / HTTP/1.1\r\nHost: here\r\nX-User: alice\r\nConnection: close\r\n\r\n"
            return sent(url, head.format("GET")), sent(other, head.format("HEAD"))

    done = audited(scenario, NAMED)
    broke, answered = done.result
    assert broke.startswith(b"HTTP/1.1 500")
    assert answered.startswith(b"HTTP/1.1 200")
    assert answered.endswith(b"\r\n\r\n")
    tally = done.auditor.runtime.tally
    assert tally.requests == tally.requests_named == 2
