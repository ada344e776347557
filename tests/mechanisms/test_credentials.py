"""What one user's work has put into the headers that a shared client always sends; and headers that may go along."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from auditing import Audit, current_user
from test_cookies import ALICE, BOB, service

Asks = list[tuple[str, dict[str, str], dict[str, str]]]
"""Who asks, what is put into the client's own headers before, and what the request is given."""


def with_aiohttp(url: str, asks: Asks) -> None:
    aiohttp = pytest.importorskip("aiohttp")

    async def ask(client: Any, user: str, always: dict[str, str], once: dict[str, str]) -> None:
        current_user.set(user)
        client.headers.update(always)
        async with client.get(url, headers=once) as response:
            assert response.status == 200

    async def main() -> None:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
            for one in asks:
                await asyncio.create_task(ask(client, *one))

    asyncio.run(main())


def with_httpx(url: str, asks: Asks) -> None:
    httpx = pytest.importorskip("httpx")
    with httpx.Client() as client:
        for user, always, once in asks:
            client.headers.update(always)
            assert Audit.as_user(user, client.get, url, headers=once).status_code == 200
            client.cookies.clear()


def with_requests(url: str, asks: Asks) -> None:
    requests = pytest.importorskip("requests")
    with requests.Session() as client:
        for user, always, once in asks:
            client.headers.update(always)
            assert Audit.as_user(user, client.get, url, headers=once).status_code == 200
            client.cookies.clear()


CLIENTS = pytest.mark.parametrize("client", [with_aiohttp, with_httpx, with_requests])
HERS, HIS = {"authorization": f"Bearer {ALICE}"}, {"authorization": f"Bearer {BOB}"}


@CLIENTS
def test_alices_token_goes_along_when_bob_asks(audit, client) -> None:
    with service() as url:
        client(url, [(ALICE, HERS, {}), (BOB, {}, {})])
    (finding,) = audit.found("IA203")
    assert (finding.witnesses.ambient, finding.witnesses.content) == (BOB, ALICE)
    assert finding.message.startswith("a default header in a request for user-bob carries data of user-alice")
    assert __file__ in [frame.file for frame in finding.site.stack]


CLEAN = {
    "her own": [(ALICE, HERS, {}), (ALICE, {}, {})],
    "each puts their own there": [(ALICE, HERS, {}), (BOB, HIS, {})],
    "his own comes first": [(ALICE, HERS, {}), (BOB, {}, HIS)],
    "given with the request": [(ALICE, {}, HERS), (BOB, {}, {"x-on-behalf-of": ALICE})],
    "asked for her by another header": [(ALICE, HERS, {}), (BOB, {}, {"x-account": ALICE})],
    "named beside her": [(ALICE, HERS, {}), (BOB, {"x-asking": BOB}, {})],
    "the application's own": [(ALICE, {"authorization": "Bearer shop"}, {}), (BOB, {}, {})],
    "not about users": [(ALICE, {"user-agent": ALICE}, {}), (BOB, {}, {})],
}


@CLIENTS
@pytest.mark.parametrize("asks", CLEAN.values(), ids=CLEAN)
def test_headers_that_may_go_along(audit, client, asks) -> None:
    with service() as url:
        client(url, asks)
    assert audit.found("IA203") == []


@pytest.mark.parametrize("client", [with_httpx, with_requests])
def test_an_address_that_names_her_is_asked_on_her_behalf(audit, client) -> None:
    with service() as url:
        client(f"{url}calendars/{ALICE}", [(ALICE, HERS, {}), (BOB, {}, {})])
    assert audit.found("IA203") == []
