"""Uses of clients of mail servers."""

from __future__ import annotations

import asyncio
from typing import Any

from uses import as_user, async_outcome, outcome, use


def _served(visit: Any) -> Any:
    from aiosmtpd.controller import Controller

    got: list[Any] = []

    class Handler:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
            got.append([list(envelope.rcpt_tos), envelope.content.decode()])
            return "250 OK"

    class Server(Controller):
        def _trigger_server(self) -> None:
            self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    server = Server(Handler(), hostname="127.0.0.1", port=0)
    server.start()
    try:
        return [visit(server.port), got]
    finally:
        server.stop()


@use("smtplib")
def smtplib() -> Any:
    import smtplib

    def visit(port: int) -> Any:
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            return [
                outcome(client.login, "somebody", "a word"),
                outcome(client.sendmail, "shop@example.com", ["somebody@example.com"], "Subject: x\r\n\r\nhello"),
                outcome(client.sendmail, "shop@example.com", [], "nothing"),
            ]

    return as_user("somebody", _served, visit)


@use("aiosmtplib")
def aiosmtplib() -> Any:
    import aiosmtplib

    async def main(port: int) -> Any:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            sent = await client.sendmail("shop@example.com", ["somebody@example.com"], "Subject: x\r\n\r\nhello")
            return [sent[1][:6], await async_outcome(client.login("somebody", "a word"))]

    return as_user("somebody", _served, lambda port: asyncio.run(main(port)))
