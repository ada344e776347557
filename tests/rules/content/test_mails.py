"""Mails that are sent in bob's work: to whom, about whom, and as whom."""

from __future__ import annotations

import asyncio
import smtplib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from visiting import visit

ALICE, BOB = "alice.liddell", "bob.builder"

controller = pytest.importorskip("aiosmtpd.controller")

HERS, HIS = f"{ALICE}@example.com", f"{BOB}@example.com"


@contextmanager
def mail_server():
    """Its port, and what it was sent: addressees and content."""
    got: list[tuple[list[str], bytes]] = []

    class Handler:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
            got.append((list(envelope.rcpt_tos), envelope.content))
            return "250 OK"

    class Server(controller.Controller):
        def _trigger_server(self) -> None:
            self.port = self.server.sockets[0].getsockname()[1]  # the kernel's choice
            super()._trigger_server()

    server = Server(Handler(), hostname="127.0.0.1", port=0)
    server.start()
    try:
        yield server.port, got
    finally:
        server.stop()


def mail(to: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.com", to, "your order"
    message.set_content(text, cte="base64")
    return message


async def with_smtplib(port: int, message: EmailMessage, to: list[str]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.send_message(message, to_addrs=to)


async def with_aiosmtplib(port: int, message: EmailMessage, to: list[str]) -> None:
    library = pytest.importorskip("aiosmtplib")
    async with library.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False) as client:
        await client.send_message(message, recipients=to)


async def in_a_pool(port: int, message: EmailMessage, to: list[str]) -> None:
    """By a thread that has no context of its own."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, with_smtplib(port, message, to)).result()


class Shop:
    """Sends a mail about what was ordered last, to everybody who is on a list, or only to who has asked."""

    def __init__(self, port: int, send: Any) -> None:
        self.port, self.send = port, send
        self.orders: list[str] = []
        self.to: list[str] = []
        views = (self.collected, self.last, self.own, self.asked)
        self.app = Starlette(routes=[Route(f"/{view.__name__}", view) for view in views])

    async def collected(self, request: Any) -> JSONResponse:
        """The list of addressees is kept from one request to the next."""
        self.to.append(request.headers["x-user"] + "@example.com")
        await self.send(self.port, mail(self.to[-1], "thank you"), self.to)
        return JSONResponse({})

    async def last(self, request: Any) -> JSONResponse:
        self.orders.append(request.headers["x-user"])
        to = request.headers["x-to"]
        await self.send(self.port, mail(to, f"the order of {self.orders[0]} is on its way"), [to])
        return JSONResponse({})

    async def own(self, request: Any) -> JSONResponse:
        to = request.headers["x-user"] + "@example.com"
        await self.send(self.port, mail(to, f"the order of {request.headers['x-user']} is on its way"), [to])
        return JSONResponse({})

    async def asked(self, request: Any) -> JSONResponse:
        """An invitation, as the request says."""
        await self.send(self.port, mail(request.headers["x-to"], "come and see"), [request.headers["x-to"]])
        return JSONResponse({})


SENDING = pytest.mark.parametrize("send", [with_smtplib, with_aiosmtplib, in_a_pool])


def run(send: Any, path: str, **headers: str) -> tuple[list[Any], list[Any]]:
    with mail_server() as (port, got):
        found = visit(Shop(port, send).app, path, ALICE, BOB, **headers)
    assert len(got) == 2
    return [(*one[:4], one[4].partition(" for ")[0]) for one in found], got


@SENDING
def test_addressees_that_an_earlier_request_has_left(send) -> None:
    found, got = run(send, "/collected")
    assert got[1][0] == [HERS, HIS]
    assert found == [("IA203", "error", BOB, ALICE, "the envelope of a mail")]


@SENDING
def test_what_an_earlier_request_has_left_in_the_text(send) -> None:
    found, got = run(send, "/last", **{"x-to": "someone@example.com"})
    assert ALICE.encode() not in got[1][1], "it is encoded"
    assert found == [("IA203", "error", BOB, ALICE, "a mail")]


@SENDING
@pytest.mark.parametrize("path", ["/own", "/asked"])
def test_mails_that_may_go_out(send, path) -> None:
    assert run(send, path, **{"x-to": HERS})[0] == []


def test_another_users_login(monkeypatch) -> None:
    monkeypatch.setattr(smtplib.SMTP, "ehlo_or_helo_if_needed", lambda _self: None)
    monkeypatch.setattr(smtplib.SMTP, "has_extn", lambda _self, _name: False)
    kept: list[str] = []

    async def send(request: Any) -> JSONResponse:
        kept.append(request.headers["x-user"])
        with pytest.raises(smtplib.SMTPNotSupportedError):
            smtplib.SMTP().login(kept[0] + "@example.com", "a long word")
        return JSONResponse({})

    found = visit(Starlette(routes=[Route("/send", send)]), "/send", ALICE, BOB)
    assert [(*one[:4], one[4].partition(" for ")[0]) for one in found] == [
        ("IA203", "error", BOB, ALICE, "the login to a mail server")
    ]
