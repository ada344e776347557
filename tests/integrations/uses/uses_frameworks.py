"""Uses of web frameworks that bring a server of their own."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uses import as_user, async_outcome, current_user, use
from uses_web import USERS, get, talk

__all__: list[str] = []


@use("tornado")
def tornado() -> Any:
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets
    from tornado.web import Application, RequestHandler
    from tornado.websocket import WebSocketHandler

    for name in ("tornado.application", "tornado.access", "tornado.general", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    got: list[Any] = []

    class Page(RequestHandler):
        async def get(self, word: str) -> None:
            current_user.set(self.request.headers.get("x-user"))
            if word == "break":
                raise LookupError(word)
            if word == "cancelled":
                asyncio.current_task().cancel()  # type: ignore[union-attr]
            if word == "login":
                self.set_signed_cookie("user", self.request.headers["x-user"])
                got.append(
                    await async_outcome(asyncio.to_thread(self.set_signed_cookie, "user", "x", nonsense=object()))
                )
            got.append(self.get_signed_cookie("user", "2|forged" if word == "forged" else None))
            await asyncio.sleep(0)
            self.write(f"for {current_user.get()}")
            await self.flush()
            self.write("!")

    class Chat(WebSocketHandler):
        async def prepare(self) -> None:
            current_user.set(self.request.headers["x-user"])
            got.append(await async_outcome(self._send("early")))

        async def _send(self, text: str) -> None:
            await self.write_message(text)

        async def open(self) -> None:
            await self._send("welcome")

        def on_message(self, message: Any) -> Any:
            if message == "break":
                raise LookupError(message)
            if message == "bye":
                return self.close(1000, "bye")
            return self._send(f"{current_user.get()}: {message}")

        def log_exception(self, *_error: Any) -> None:
            raise RuntimeError("can't be logged")

    async def main() -> Any:
        (socket,) = bind_sockets(0, "127.0.0.1")
        settings = {"cookie_secret": "s" * 32, "log_function": lambda _handler: None}
        server = HTTPServer(Application([("/chat", Chat), ("/(.*)", Page)], **settings))
        server.add_sockets([socket])
        url = f"ws://127.0.0.1:{socket.getsockname()[1]}"
        try:
            words = ("", "login", "forged", "break")
            pages = [(await get(url, f"/{word}", user))[0] for word in words for user in USERS]
            cancelled = await async_outcome(asyncio.wait_for(get(url, "/cancelled", "alice"), 0.2))
            talks = [
                await talk(f"{url}/chat", user, *words) for user in USERS for words in (("hello", "bye"), ("break",))
            ]
        finally:
            server.stop()
            await server.close_all_connections()
        return [pages, cancelled, talks, [type(one).__name__ if one is None else str(one)[:20] for one in got]]

    return as_user(None, asyncio.run, main())
