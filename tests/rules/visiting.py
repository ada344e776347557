"""Two users who visit an application one after the other, and what an audit of it finds."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Any

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model


def key_of(user: str) -> str:
    """A user's own key. No name and no key stands in this file: it is on the stack, and what code says is no secret."""
    return sha256(user.encode()).hexdigest()[:16]


def visit(app: Any, path: str, *users: str, **headers: str) -> list[tuple[str, str, str | None, str | None, str]]:
    """Errors and warnings after a request of each user."""

    async def ask(user: str) -> None:
        sent = [(b"x-user", user.encode())]
        sent += [(name.encode(), value.format(key=key_of(user)).encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": sent}

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        async def send(_message: Any) -> None:
            pass

        await app(scope, receive, send)

    with Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:
        for user in users:
            asyncio.run(ask(user))
        found = [entry.finding for entry in auditor.recorder.entries()]
    assert auditor.runtime.barrier.counts == {}
    return [
        (one.rule, one.severity.value, one.witnesses.ambient, one.witnesses.content, one.message)
        for one in found
        if one.rule != "IA904" and one.severity.value != "note"
    ]
