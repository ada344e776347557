"""What one user's work has put into the headers that a shared client always sends; and headers that may go along."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from auditing import Audit, current_user
from test_client_cookies import ALICE, BOB, service

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


def signed_in_requests(url: str, asks: list[tuple[str, Any, Any]]) -> None:
    requests = pytest.importorskip("requests")
    with requests.Session() as client:
        for user, always, once in asks:
            client.auth = always or client.auth
            assert Audit.as_user(user, client.get, url, auth=once).status_code == 200
            client.cookies.clear()


def signed_in_requests_by_object(url: str, asks: list[tuple[str, Any, Any]]) -> None:
    auth = pytest.importorskip("requests.auth").HTTPBasicAuth
    signed_in_requests(url, [(user, always and auth(*always), once and auth(*once)) for user, always, once in asks])


def signed_in_httpx(url: str, asks: list[tuple[str, Any, Any]]) -> None:
    httpx = pytest.importorskip("httpx")
    with httpx.Client() as client:
        for user, always, once in asks:
            client.auth = always or client.auth
            given = {"auth": once} if once else {}
            assert Audit.as_user(user, client.get, url, **given).status_code == 200
            client.cookies.clear()


def signed_in_httpx_async(url: str, asks: list[tuple[str, Any, Any]]) -> None:
    httpx = pytest.importorskip("httpx")

    async def ask(client: Any, user: str, once: Any) -> None:
        current_user.set(user)
        given = {"auth": once} if once else {}
        assert (await client.get(url, **given)).status_code == 200

    async def main() -> None:
        async with httpx.AsyncClient() as client:
            for user, always, once in asks:
                client.auth = always or client.auth
                await asyncio.create_task(ask(client, user, once))
                client.cookies.clear()

    asyncio.run(main())


SIGNED_IN = pytest.mark.parametrize(
    "client", [signed_in_requests, signed_in_requests_by_object, signed_in_httpx, signed_in_httpx_async]
)
HER_LOGIN, HIS_LOGIN = (ALICE, "pw"), (BOB, "word")


@SIGNED_IN
def test_alices_login_is_a_shared_clients_when_bob_asks(audit, client) -> None:
    with service() as url:
        client(url, [(ALICE, HER_LOGIN, None), (BOB, None, None)])
    (finding,) = audit.found("IA203")
    assert (finding.witnesses.ambient, finding.witnesses.content) == (BOB, ALICE)


@SIGNED_IN
@pytest.mark.parametrize(
    "asks",
    [
        [(ALICE, HER_LOGIN, None), (ALICE, None, None)],
        [(ALICE, HER_LOGIN, None), (BOB, HIS_LOGIN, None)],
        [(ALICE, HER_LOGIN, None), (BOB, None, HIS_LOGIN)],
        [(ALICE, ("shop", "pw"), None), (BOB, None, None)],
        [(ALICE, ("shop", ALICE), None), (BOB, None, None)],
        [(ALICE, None, HER_LOGIN), (BOB, None, HER_LOGIN)],
    ],
    ids=["her own", "each sets their own", "his own with the request", "the application's", "a password", "on purpose"],
)
def test_logins_that_may_go_along(audit, client, asks) -> None:
    with service() as url:
        client(url, asks)
    assert audit.found("IA203") == []


@pytest.mark.parametrize("value", ["Basic A", "Basic", "Basic ====", "basic " + "Z" * 40, "Bearer a.b.c"])
@CLIENTS
def test_credentials_that_can_not_be_read_are_sent_all_the_same(audit, client, value) -> None:
    with service() as url:
        client(url, [(ALICE, {"authorization": value}, {}), (BOB, {}, {})])
    assert audit.found("IA203") == audit.found("IA903") == []


@CLIENTS
def test_a_token_that_holds_alices_name_goes_along(audit, client) -> None:
    token = pytest.importorskip("jwt").encode({"sub": ALICE}, "key" * 12)
    with service() as url:
        client(url, [(ALICE, {"authorization": f"Bearer {token}"}, {}), (BOB, {}, {})])
    assert [finding.witnesses.content for finding in audit.found("IA203")] == [ALICE]
