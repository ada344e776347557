"""IA307 and IA308: connections that are used too early or too late, or that break down."""

from __future__ import annotations

from isolation_audit.instrument.tracking.observations import Broken, Unready
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import Monitor, observes

_CONFIG = """\
[integrations]
disable = []
"""

_SERVER = """\
import asyncio
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

def serve(chat):
    incoming = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hello"}]

    async def receive():
        return incoming.pop(0)

    async def send(message):
        pass

    scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b"", "subprotocols": []}
    asyncio.run(Starlette(routes=[WebSocketRoute("/", chat)])(scope, receive, send))

"""

_GREETING = """\
async def chat(websocket: WebSocket):
    {first}
    {second}
    await websocket.close()

def main():
    try:
        serve(chat)
    except RuntimeError:
        pass
"""

_ANSWER = """\
async def chat(websocket: WebSocket):
    await websocket.accept()
    answer({}, await websocket.receive_text())
    await websocket.close()

def answer(known, question):
    return {expression}

def main():
    try:
        serve(chat)
    except KeyError:
        pass
"""


class ReadinessMonitor(Monitor):
    """Judges what integrations of WebSocket libraries see of connections."""

    rules = (
        Rule(
            "IA307",
            "connection-not-ready",
            Severity.ERROR,
            "Something was sent on a connection before its handshake was done, or after it had ended.",
            "Nobody receives it. What the user waits for is lost, and the exception that tells of it is often "
            "swallowed on the way.",
            "accept the connection before anything is sent on it; stop the task that sends when the connection has "
            "been closed or the disconnect has been received",
            Example(
                config=_CONFIG,
                bad=_SERVER
                + _GREETING.format(first='await websocket.send_text("welcome")', second="await websocket.accept()"),
                good=_SERVER
                + _GREETING.format(first="await websocket.accept()", second='await websocket.send_text("welcome")'),
            ),
            options="`integrations.disable`",
        ),
        Rule(
            "IA308",
            "connection-broke-down",
            Severity.WARNING,
            "A WebSocket connection was closed with 1011 (internal error), or an exception left the application that "
            "served it.",
            "The user's session breaks off in the middle, and clients that connect again hide it from everybody else.",
            "correct the code that raised, at the place shown; where a question can't be answered, send an answer "
            "that says so instead of closing the connection",
            Example(
                config=_CONFIG,
                bad=_SERVER + _ANSWER.replace("{expression}", "known[question]"),
                good=_SERVER + _ANSWER.replace("{expression}", "known.get(question)"),
            ),
            options="`integrations.disable`",
        ),
    )

    @observes(Unready)
    def on_unready(self, unready: Unready) -> None:
        """Sent too early or too late."""
        self.report(
            "IA307",
            "sent on a connection {detail}",
            detail=unready.when,
            target=unready.target,
            ambient=unready.ambient,
            owner=unready.owner,
            place="sent here",
            at=unready.stack,
        )

    @observes(Broken)
    def on_broken(self, broken: Broken) -> None:
        """A connection broke down; the exception's text stays out, because it may quote a user's data."""
        self.report(
            "IA308",
            "a connection {detail}",
            detail=broken.how,
            target=broken.target,
            ambient=broken.ambient,
            owner=broken.owner,
            place="raised here" if broken.raised else "closed here",
            at=broken.stack,
        )
