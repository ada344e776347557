"""CherryPy on its own server: users by its tools and its sessions, its page handlers, and what leaves for another."""

from __future__ import annotations

import asyncio
import base64
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from clients import NAMED, Browser, known, told

cherrypy = pytest.importorskip("cherrypy")

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PASSWORD = "correct horse"


class Notes:
    """``/notes/of/ROOM`` keeps a note a user; with ``leaking`` it gives everybody the first."""

    def __init__(self, *, leaking: bool) -> None:
        self._leaking, self._kept = leaking, []

    @cherrypy.expose
    def of(self, _room: str, **_query: str) -> Any:
        self._kept.append(f"a note of {known()}")
        return self._kept[0 if self._leaking else -1]

    @cherrypy.expose
    def broken(self) -> None:
        raise LookupError(known())

    @cherrypy.expose
    def parts(self) -> Any:
        self._kept.append(known())
        first = self._kept[0 if self._leaking else -1]
        return (part.encode() for part in ("note", " of ", first))

    parts._cp_config = {"response.stream": True}


class Desk(Notes):
    """Logs its users in by itself, and has them in a session."""

    @cherrypy.expose
    def login(self, name: str) -> str:
        cherrypy.session["username"] = name
        return "hello"


def by_password(_realm: str, _user: str, password: str) -> bool:
    return password == PASSWORD


def noting(*_values: Any) -> None:
    """As tools of applications do: who is logged in, by the key and as an object."""
    user = cherrypy.request.params.pop("as", None)
    if user is not None:
        cherrypy.request.login = "17" if user == "alice" else "18"
        cherrypy.request.currentuser = type("Person", (), {})()
        cherrypy.request.currentuser.username = user


CONFIGS = {
    "basic": {
        "tools.auth_basic.on": True,
        "tools.auth_basic.realm": "notes",
        "tools.auth_basic.checkpassword": by_password,
    },
    "session": {"tools.sessions.on": True},
    "tool": {"hooks.before_handler.noting": noting},
}


@asynccontextmanager
async def serving(root: Any, config: dict[str, Any]) -> AsyncIterator[str]:
    from cheroot.wsgi import Server

    cherrypy.config.update({"environment": "embedded", "log.screen": False})
    application = cherrypy.Application(root, "", {"/": config})
    server = Server(("127.0.0.1", 0), application, numthreads=2)
    server.error_log = lambda *_arguments, **_more: None
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.bind_addr[1]}"
    finally:
        await asyncio.to_thread(server.stop)
        thread.join()


async def asked(kind: str, *paths: str, leaking: bool) -> list[str]:
    """What alice and then bob are answered at each of ``paths``."""
    root = type("Root", (), {"notes": Desk(leaking=leaking)})()
    answers = []
    async with serving(root, CONFIGS[kind]) as url:
        for user in ("alice", "bob"):
            token = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
            browser = Browser(url, **({"Authorization": f"Basic {token}"} if kind == "basic" else {}))
            if kind == "session":
                await browser.get(f"/notes/login?name={user}")
            query = f"?as={user}" if kind == "tool" else ""
            answers += [await browser.get(path + query) for path in paths]
            browser.close()
    return answers


@pytest.mark.parametrize("kind", [*CONFIGS])
@pytest.mark.parametrize("leaking", [True, False])
def test_a_note_that_is_kept_for_everybody(audited, kind: str, leaking: bool) -> None:
    done = audited(lambda: asked(kind, "/notes/of/attic", leaking=leaking), NAMED)
    assert done.result == ["a note of alice", "a note of alice" if leaking else "a note of bob"]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    for finding in done.findings.get("IA203", ()):
        assert (finding.route, finding.method) == ("/notes/of/{}", "GET")
        assert finding.site.top.function == "Notes.of"
    tally = done.auditor.runtime.tally
    assert tally.requests == tally.requests_named == (4 if kind == "session" else 2)


@pytest.mark.parametrize("leaking", [True, False])
def test_an_answer_that_is_made_part_by_part(audited, leaking: bool) -> None:
    done = audited(lambda: asked("basic", "/notes/parts", leaking=leaking), NAMED)
    assert done.result == ["note of alice", "note of alice" if leaking else "note of bob"]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])


def test_nobody_and_a_page_that_fails(audited) -> None:
    async def visits() -> Any:
        async with serving(type("Root", (), {"notes": Notes(leaking=False)})(), {}) as url:
            browser = Browser(url)
            try:
                return [await browser.get(path) for path in ("/notes/of/attic", "/notes/broken", "/notes/none")]
            finally:
                browser.close()

    done = audited(visits, NAMED)
    assert done.result[0] == "a note of None"
    assert ["500" in done.result[1], "404" in done.result[2]] == [True, True]
    assert done.findings == {}
    tally = done.auditor.runtime.tally
    assert (tally.requests, tally.requests_named) == (3, 0)


def test_any_other_application_on_its_server(audited) -> None:
    """One without a framework, whose user a gateway's header names."""
    kept: list[bytes] = []

    def application(environ: Any, start_response: Any) -> Any:
        kept.append(f"{environ['PATH_INFO']} of {environ['HTTP_X_USER']}".encode())
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [kept[0]]

    async def visits() -> Any:
        from cheroot.wsgi import Server

        server = Server(("127.0.0.1", 0), application, numthreads=1)
        server.prepare()
        thread = threading.Thread(target=server.serve)
        thread.start()
        browser = Browser(f"http://127.0.0.1:{server.bind_addr[1]}")
        try:
            return [await browser.get("/note", user) for user in ("alice", "bob")]
        finally:
            browser.close()
            await asyncio.to_thread(server.stop)
            thread.join()

    done = audited(visits, NAMED)
    assert done.result == ["/note of alice"] * 2
    assert told(done.findings) == [("IA203", "bob", "alice")]
