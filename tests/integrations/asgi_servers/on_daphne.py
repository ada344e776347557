"""The application on Daphne, with its visitors; prints what they have seen."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

from application import application, asked
from daphne.server import Server  # before anything that takes a reactor
from twisted.internet import reactor

logging.getLogger("daphne").setLevel(logging.CRITICAL)
got: list[Any] = []


def visit() -> None:
    try:
        host, port = server.listening_addresses[0]
        got.extend(asked(f"http://{host}:{port}"))
    finally:
        reactor.callFromThread(server.stop)  # type: ignore[attr-defined]


server = Server(
    application,
    endpoints=["tcp:port=0:interface=127.0.0.1"],
    ready_callable=lambda: threading.Thread(target=visit).start(),
    signal_handlers=False,
)
server.run()
print(json.dumps(got))
