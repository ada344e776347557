"""Credentials that are somebody's by the requests that come with them, or by the name under which they are kept."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from visiting import key_of, visit

from isolation_audit.rules.provenance import own_records

ALICE, BOB = "kept-alice", "kept-bob"
APP = """
import json
from urllib.request import Request as Outgoing, urlopen

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

TOKENS = {"ALICE": "crm-4417-alpha-9", "BOB": "crm-8802-delta-3"}


class Desk:
    \"\"\"Keeps who came last, and works for them.\"\"\"

    request = None

    def ask(self, **headers):
        with urlopen(Outgoing(self.url, None, headers), timeout=60) as answer:
            return json.load(answer)


desk = Desk()


def who(request):
    return request.headers["x-user"]


async def page(request):
    own = request
    BODY

app = Starlette(routes=[Route("/page", page), Route("/page/{of}", page)])
"""
PASSED = 'return JSONResponse(desk.ask(**{{"{name}": {of}.headers["{name}"]}}))'
LATE = "desk.request, late = own, desk.request\n    if late is None: return JSONResponse({})\n    "


@contextmanager
def service():
    """Counts whoever asks: its address, and the tokens that it was sent."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(str(self.headers.get("authorization") or self.headers.get("cookie")))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def found_in(load_app, monkeypatch):
    """What an audit finds of a page with this body, which alice asks for, and then bob; and what goes out meanwhile."""

    def found(body: str, path: str = "/page", **headers: str) -> tuple[list[tuple[Any, ...]], list[str]]:
        module = load_app(APP.replace("ALICE", ALICE).replace("BOB", BOB).replace("BODY", body))
        module.__file__ = module.who.__code__.co_filename
        monkeypatch.setattr(own_records, "application_modules", lambda: [module])
        with service() as (url, seen):
            module.desk.url = url
            found = visit(module.app, path, ALICE, BOB, **headers)
        return [one[:4] for one in found], seen

    return found


HEADERS = pytest.mark.parametrize(
    ("name", "value"),
    [("authorization", "Bearer {key}"), ("cookie", "sid={key}"), ("x-api-key", "{key}")],
    ids=["a token", "a cookie", "a key"],
)


def test_the_session_that_the_request_before_came_with(found_in) -> None:
    """Nothing had sent it out before: it is known by that request alone."""
    found, seen = found_in(LATE + PASSED.format(name="cookie", of="late"), cookie="sid={key}")
    assert found == [("IA203", "error", BOB, ALICE)]
    assert len(seen) == 1


@HEADERS
def test_what_this_request_came_with(found_in, name: str, value: str) -> None:
    found, seen = found_in(LATE + PASSED.format(name=name, of="own"), **{name: value})
    assert found == []
    assert len(seen) == 1


def test_a_request_that_says_for_whom(found_in) -> None:
    """As where bob's work tells a service of alice's, with her token."""
    told = PASSED.format(name="cookie", of="late")
    assert found_in(LATE + told, f"/page/{ALICE}", cookie="sid={key}")[0] == []


def test_a_key_that_the_application_was_started_with(found_in, monkeypatch) -> None:
    monkeypatch.setenv("DESK_KEY", key_of(ALICE))
    told = PASSED.format(name="cookie", of="late")
    assert found_in(LATE + told, cookie="sid={key}")[0] == []


KEPT = "desk.request = desk.request or own\n    token = TOKENS[who({of})]\n    "
SENT = 'return JSONResponse(desk.ask(authorization=f"Bearer {token}"))'


@pytest.mark.parametrize("of", ["desk.request", "own"])
def test_what_is_kept_under_a_name(found_in, of: str) -> None:
    found, seen = found_in(KEPT.format(of=of) + SENT)
    leaks = of != "own"
    assert found == ([("IA203", "warning", BOB, ALICE)] if leaks else [])
    assert len(set(seen)) == (1 if leaks else 2)


def test_a_kept_token_of_somebody_whom_the_request_names(found_in) -> None:
    assert found_in(KEPT.format(of="desk.request") + SENT, f"/page/{ALICE}")[0] == []
