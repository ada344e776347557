"""A process that asks itself: what it is answered was in its memory before, and explains nothing."""

from __future__ import annotations

import http.client
import threading
from urllib.parse import urlsplit
from wsgiref.simple_server import make_server

import httpx
import pytest
import requests
from asking import Client
from saying import APP, WORDS
from test_inputs import ALICE, BOB

FOUND = ("IA203", "warning", BOB, ALICE)
SITE = """
from flask import Flask, request

site, kept = Flask(__name__), {}

@site.get("/")
def last():
    kept["said"] = request.args.get("text", kept.get("said"))
    return {"so far": kept["said"]}
"""


def by_httpx(address: str, user: str) -> str:
    return httpx.get(address, headers={"x-user": user}).text


def by_requests(address: str, user: str) -> str:
    return requests.get(address, headers={"x-user": user}, timeout=30).text


def by_hand(address: str, user: str) -> str:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers={"x-user": user})
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("ask", [by_httpx, by_requests, by_hand])
def test_a_client_in_the_process_that_serves(audit, load_app, ask) -> None:
    server = make_server("127.0.0.1", 0, load_app(SITE).site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/"
        ask(f"{address}?text={WORDS.replace(' ', '+')}", ALICE)
        assert WORDS in ask(address, BOB)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert audit.found() == [FOUND]


def test_what_another_service_has_answered_to_nobody_in_particular(audit, load_app) -> None:
    module = load_app(APP)
    app = Client(module.app, module.end)
    elsewhere = httpx.Client(transport=httpx.MockTransport(lambda _request: httpx.Response(200, text=WORDS)))
    try:
        app.ask(ALICE, f"/ask?text={WORDS.replace(' ', '+')}")
        assert elsewhere.get("http://elsewhere.example/news").text == WORDS
        assert WORDS in app.ask(BOB, "/memory" if module.turns else "/record")
    finally:
        elsewhere.close()
        app.close()
    assert audit.found() == []
