"""Requests to an ASGI application in this process, all on one event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class Client:
    """Asks one application, as the user whom a header names."""

    def __init__(self, app: Any, end: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        self._app = app
        self._end = end
        self._runner = asyncio.Runner()

    def ask(self, user: str, path: str, body: bytes | None = None, **headers: str) -> str:
        """The body of the answer; with a ``body`` it is a POST."""
        return self._runner.run(self._ask(user, path, body, headers))

    def together(self, *asked: tuple[str, str]) -> list[str]:
        """The same of several at once."""

        async def all_of_them() -> list[str]:
            tasks = [asyncio.create_task(self._ask(user, path, None, {})) for user, path in asked]
            return list(await asyncio.gather(*tasks))

        return self._runner.run(all_of_them())

    async def _ask(self, user: str, path: str, body: bytes | None, headers: dict[str, str]) -> str:
        got: list[bytes] = []
        path, _, query = path.partition("?")
        sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET" if body is None else "POST",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": query.encode(),
            "headers": [(b"host", b"localhost"), (b"x-user", user.encode()), *sent],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }

        waiting = [{"type": "http.request", "body": body or b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not waiting:
                await asyncio.Event().wait()  # the client stays
            return waiting.pop()

        async def send(message: dict[str, Any]) -> None:
            got.append(bytes(message.get("body", b"")))

        await self._app(scope, receive, send)
        return b"".join(got).decode()

    def close(self) -> None:
        """End what the application has open, and the loop."""
        if self._end is not None:
            self._runner.run(self._end())
        self._runner.close()
