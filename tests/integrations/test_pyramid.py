"""Pyramid: users by its security policy, new and old, the place of its views, and what leaves for another."""

from __future__ import annotations

import asyncio
import threading
import warnings
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from clients import NAMED, Browser, known, told

pytest.importorskip("pyramid")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of pkg_resources, and of what Pyramid itself calls old
    from pyramid.authentication import CallbackAuthenticationPolicy
    from pyramid.authorization import ACLAuthorizationPolicy
    from pyramid.config import Configurator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def asked_by(request: Any) -> str | None:
    """Nothing by which others would find out who asks."""
    return request.params.get("as")


class Policy:
    """What ``config.set_security_policy`` takes; an application's own class."""

    def identity(self, request: Any) -> Any:
        user = asked_by(request)
        return None if user is None else {"userid": user, "groups": ["staff"]}

    def authenticated_userid(self, request: Any) -> Any:
        identity = request.identity
        return None if identity is None else identity["userid"]

    def permits(self, request: Any, _context: Any, permission: str) -> bool:
        return permission != "never" and request.authenticated_userid is not None

    def remember(self, *_: Any, **__: Any) -> Any:
        return []

    forget = remember


class LatePolicy(Policy):
    """Its identity works the user out when it is asked for one, as that of several policies in one does."""

    def identity(self, _request: Any) -> Any:
        return type("Identity", (), {"policies": []})()

    def authenticated_userid(self, request: Any) -> Any:
        return asked_by(request) if request.identity is not None and request.headers.get("x-login") else None

    def permits(self, request: Any, _context: Any, permission: str) -> bool:
        return request.identity is not None


class OldPolicy(CallbackAuthenticationPolicy):
    """What applications have from before Pyramid 2."""

    callback = None

    def unauthenticated_userid(self, request: Any) -> Any:
        return asked_by(request)


class Notes:
    """``/note/{number}`` keeps one a user, and with ``leaking`` gives everybody the first."""

    def __init__(self, *, leaking: bool) -> None:
        self._leaking, self._kept = leaking, []

    def view(self, request: Any) -> Any:
        assert request.authenticated_userid == asked_by(request)
        self._kept.append({"owner": known(), "word": "tea"})
        return self._kept[0 if self._leaking else -1]

    def change(self, _request: Any) -> Any:
        return {}


class Pages:
    """As applications write them: a class, and a method of it for each method of HTTP on one route."""

    notes: Notes

    def __init__(self, request: Any) -> None:
        self._request = request

    def shown(self) -> Any:
        return self.notes.view(self._request)

    def changed(self) -> Any:
        return {}


def application(kind: str, *, leaking: bool) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = Configurator()
        if kind != "old policy":
            config.set_security_policy(Policy())
        else:
            config.set_authorization_policy(ACLAuthorizationPolicy())
            config.set_authentication_policy(OldPolicy())
        config.add_route("note", "/note/{number}")
        notes = Notes(leaking=leaking)
        if kind == "by method":
            config.add_view(notes.view, route_name="note", renderer="json", request_method="GET")
            config.add_view(notes.change, route_name="note", renderer="json", request_method="PUT")
            config.add_view(lambda _request: {}, route_name="note", renderer="json")
        elif kind == "class by method":
            pages = type("Pages", (Pages,), {"notes": notes})
            for method, attribute in (("GET", "shown"), ("PUT", "changed")):
                config.add_view(pages, attr=attribute, route_name="note", renderer="json", request_method=method)
        elif kind == "class":
            config.add_view(type("Pages", (Pages,), {"notes": notes}), attr="shown", route_name="note", renderer="json")
        else:
            config.add_view(notes.view, route_name="note", renderer="json")
        return config.make_wsgi_app()


async def served(kind: str, *, leaking: bool) -> Any:
    async with serving(application(kind, leaking=leaking)) as browser:
        return [await browser.get(f"/note/7?as={user}") for user in ("alice", "bob")]


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[Browser]:
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    browser = Browser(f"http://127.0.0.1:{server.server_port}")
    try:
        yield browser
    finally:
        browser.close()
        await asyncio.to_thread(server.shutdown)
        thread.join()
        server.server_close()


@pytest.mark.parametrize("kind", ["policy", "old policy", "by method", "class", "class by method"])
@pytest.mark.parametrize("leaking", [True, False])
def test_a_note_that_is_kept_for_everybody(audited, kind: str, leaking: bool) -> None:
    done = audited(lambda: served(kind, leaking=leaking), NAMED)
    assert ["alice" in one for one in done.result] == [True, leaking]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    for finding in done.findings.get("IA203", ()):
        assert (finding.route, finding.method, finding.field) == ("/note/{number}", "GET", "$.owner")
        assert finding.site.top.function == ("Pages.shown" if kind.startswith("class") else "Notes.view")
    tally = done.auditor.runtime.tally
    assert tally.requests == tally.requests_named == 2


def rooms() -> Any:
    """What is written to one note of a room, and what all notes of a room are: by two routes."""
    notes: list[Any] = []

    def write(request: Any) -> Any:
        notes.append({"text": request.text, "signed": request.authenticated_userid})
        return {}

    def shown(request: Any) -> Any:
        assert request.authenticated_userid == asked_by(request)
        return notes

    config = Configurator()
    config.set_security_policy(Policy())
    config.add_route("note", "/rooms/{room}/notes/{note}")
    config.add_route("notes", "/rooms/{room}/notes")
    config.add_view(write, route_name="note", renderer="json", request_method="POST")
    config.add_view(shown, route_name="notes", renderer="json")
    return config.make_wsgi_app()


@pytest.mark.parametrize("room", ["attic", "cellar"])
def test_the_room_that_a_note_was_written_to_and_another_one(audited, room: str) -> None:
    """The parameters of the route are in Pyramid's request, and the path is in what the server has given."""

    async def visits() -> Any:
        async with serving(rooms()) as browser:
            await browser.get("/rooms/none/notes?as=bob")
            await browser.get("/rooms/attic/notes/first?as=alice", body="the boiler was mended")
            return await browser.get(f"/rooms/{room}/notes?as=bob")

    done = audited(visits, NAMED)
    assert "alice" in done.result
    assert told(done.findings) == [("IA209" if room == "attic" else "IA203", "bob", "alice")]


def test_an_identity_without_a_name_leaves_the_word_to_others(audited) -> None:
    config = Configurator()
    config.set_security_policy(LatePolicy())
    config.add_route("note", "/note")
    config.add_view(lambda _request: {"user": known()}, route_name="note", renderer="json", permission="read")
    app = config.make_wsgi_app()

    async def visits() -> Any:
        async with serving(app) as browser:
            return [await browser.get("/note", user) for user in ("alice", "bob")]

    done = audited(visits, NAMED)
    assert done.result == ['{"user": "alice"}', '{"user": "bob"}']
    assert done.findings == {}


def test_nobody_and_a_view_that_fails(audited) -> None:
    async def visits() -> Any:
        return await asyncio.to_thread(_broken)

    done = audited(visits, NAMED)
    assert done.result == ["500", "500"]
    assert done.findings == {}
    assert done.auditor.runtime.tally.requests == 2


def _broken() -> list[str]:
    config = Configurator(settings={})
    config.set_security_policy(Policy())

    def view(request: Any) -> Any:
        raise LookupError(request.authenticated_userid)

    config.add_route("broken", "/broken")
    config.add_view(view, route_name="broken")
    app = config.make_wsgi_app()
    said = []
    for query in ("", "as=alice"):
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/broken",
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
        }
        with pytest.raises(LookupError):
            app(environ, lambda *_: None)
        said.append("500")
    return said
