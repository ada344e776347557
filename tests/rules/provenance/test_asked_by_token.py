"""Answers to questions that only a token tells whose they are, kept for the next who asks."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = (
    STARLETTE
    + """
import httpx

client, last = httpx.AsyncClient(base_url=URL), {}

async def kept(request):
    path = request.query_params["of"]
    if "down" not in request.query_params:
        given = await client.get(path, headers={"Authorization": "Bearer " + TOKENS[request.headers["x-user"]]})
        last[path] = given.json()
    return JSONResponse(last[path])

async def end():
    await client.aclose()

app = Starlette(routes=[Route("/kept", kept)])
"""
)
RECORDS = {ALICE: {"no": "INV-0099187", "due": 3312.45}, BOB: {"no": "INV-0000412", "due": 1831.22}}


def token(user: str) -> str:
    parts = ({"alg": "none"}, {"sub": user})
    return ".".join(urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts) + "."


@pytest.fixture
def service() -> Iterator[str]:
    """Another service: an invoice for each, a list of them, a price for all, and news."""
    times: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            user = next(one for one in RECORDS if token(one) in self.headers["Authorization"])
            times.append(1)
            given = {
                "/invoice": RECORDS[user],
                "/invoices": [RECORDS[user]],
                "/price": {"article": "KX-77120", "cents": 77191},
                "/news": {"about": f"AB-{44170 + 7 * len(times)}", "read": 10_234 + 13 * len(times)},
            }[self.path]
            body = json.dumps(given).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def app(audit: Any, load_app: Any, service: str) -> Iterator[Client]:
    module = load_app(f"URL, TOKENS = {service!r}, { {user: token(user) for user in RECORDS}!r}\n{APP}")
    client = Client(module.app, module.end)
    yield client
    client.close()


def test_the_last_good_answer_is_another_users(audit: Any, app: Client) -> None:
    app.ask(BOB, "/kept?of=/invoice")
    app.ask(ALICE, "/kept?of=/invoice")
    assert "INV-0099187" in app.ask(BOB, "/kept?of=/invoice&down")
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]


@pytest.mark.parametrize("of", ["/price", "/invoices"])
def test_what_is_the_same_for_both_and_a_list(audit: Any, app: Client, of: str) -> None:
    for user in (BOB, ALICE, BOB, ALICE):
        app.ask(user, f"/kept?of={of}")
    app.ask(BOB, f"/kept?of={of}&down")
    assert audit.found() == []


def test_news(audit: Any, app: Client) -> None:
    for user in (BOB, BOB, ALICE):
        app.ask(user, "/kept?of=/news")
    app.ask(BOB, "/kept?of=/news&down")
    assert audit.found() == []


def test_ones_own(audit: Any, app: Client) -> None:
    app.ask(BOB, "/kept?of=/invoice")
    app.ask(ALICE, "/kept?of=/invoice")
    app.ask(ALICE, "/kept?of=/invoice&down")
    assert audit.found() == []
