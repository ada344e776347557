"""Falcon, as an application for WSGI and for ASGI: users by the request's context, and what leaves for another."""

from __future__ import annotations

from typing import Any

import pytest
from clients import NAMED, Browser, known, told
from servers import serving, serving_wsgi

falcon = pytest.importorskip("falcon")


class Named:
    """A middleware that finds out who asks; what it finds is in no header by which others would."""

    def process_resource(self, req: Any, resp: Any, resource: Any, params: Any) -> None:
        req.context.user = {"username": req.get_param("as")} if req.get_param("as") else None

    async def process_resource_async(self, *arguments: Any) -> None:
        self.process_resource(*arguments)


class Notes:
    """``/note`` keeps one a user, and with ``leaking`` gives everybody the first."""

    def __init__(self, *, leaking: bool) -> None:
        self._leaking, self._kept = leaking, []

    def on_get(self, req: Any, resp: Any) -> None:
        self._kept.append({"owner": known(), "word": "tea"})
        resp.media = self._kept[0 if self._leaking else -1]


class NotesOfTasks(Notes):
    """The same for ASGI."""

    async def on_get(self, req: Any, resp: Any) -> None:
        super().on_get(req, resp)


def prepared(app: Any, notes: Notes) -> Any:
    app.add_middleware(Named())
    app.add_route("/note", notes)
    return app


async def asked(url: str) -> list[str]:
    browser = Browser(url)
    try:
        return [await browser.get(f"/note?as={user}") for user in ("alice", "bob")]
    finally:
        browser.close()


async def on_asgi(*, leaking: bool) -> Any:
    import falcon.asgi

    async with serving(prepared(falcon.asgi.App(), NotesOfTasks(leaking=leaking))) as url:
        return await asked(url)


async def on_wsgi(*, leaking: bool) -> Any:
    async with serving_wsgi(prepared(falcon.App(), Notes(leaking=leaking))) as url:
        return await asked(url)


@pytest.mark.parametrize("serve", [on_asgi, on_wsgi])
@pytest.mark.parametrize("leaking", [True, False])
def test_a_note_that_is_kept_for_everybody(audited, serve, leaking):
    done = audited(lambda: serve(leaking=leaking), NAMED)
    assert ["alice" in one for one in done.result] == [True, leaking]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    tally = done.auditor.runtime.tally
    assert tally.requests == tally.requests_named == 2


def plainly(headers: Any) -> Any:
    """As servers give them."""
    return [tuple(one) for one in headers]


@pytest.mark.parametrize("make", [iter, list, plainly, lambda headers: (one for one in plainly(headers))])
def test_headers_that_can_be_gone_through_once_are_the_application_s(audited, make):
    """ASGI allows any iterable; Falcon's own test client gives an iterator of iterators."""
    import falcon.asgi
    from falcon import testing

    from isolation_audit.model.request_head import readable

    got: list[Any] = []

    class Resource:
        async def on_get(self, req: Any, resp: Any) -> None:
            got.append(req.get_header("x-user"))
            resp.text = "hello"

    app = falcon.asgi.App()
    app.add_route("/", Resource())

    async def scenario() -> None:
        scope = testing.create_scope(headers={"x-user": "alice"})
        scope["headers"] = make(scope["headers"])

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            got.append(message["type"])

        await app(scope, receive, send)

    done = audited(scenario)
    assert got == ["alice", "http.response.start", "http.response.body"]
    tally = done.auditor.runtime.tally
    assert (tally.requests, tally.requests_named) == (1, make is plainly)
    assert list(readable(make([[b"a", b"b"]]))) == (
        [(b"a", b"b")] if make is plainly else [[b"a", b"b"]] * (make is list)
    )
