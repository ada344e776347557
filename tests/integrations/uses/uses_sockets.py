"""Uses of WebSocket libraries and servers, and of what is built on them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any

from servers import serving
from uses import as_user, async_outcome, current_user, outcome, use
from uses_web import USERS, called, get, talk

__all__: list[str] = []


@use("websockets")
def websockets() -> Any:
    import websockets
    from websockets.asyncio.server import broadcast

    async def chat(connection: Any) -> None:
        current_user.set(connection.request.headers["x-user"])
        await connection.send("welcome")
        async for text in connection:
            if text == "break":
                raise LookupError(text)
            if text == "bye":
                await connection.close()
                GOT.append(await async_outcome(connection.send("late")))
                return
            await connection.send(f"{current_user.get()}: {text}")

    async def shouting(connection: Any) -> None:
        current_user.set(connection.request.headers["x-user"])
        broadcast([connection], f"for all, by {current_user.get()}")

    async def waiting(connection: Any) -> None:
        await connection.send("welcome")
        await async_outcome(asyncio.wait_for(connection.recv(), 10))
        GOT.append(await async_outcome(connection.recv()))

    async def main() -> Any:
        got = []
        conversations = [("hello", "bye"), ("break",), ()]
        for handler, words_of in ((chat, conversations), (waiting, [()]), (shouting, [()])):
            async with websockets.serve(handler, "127.0.0.1", 0) as server:
                url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"  # type: ignore[index]
                got += [await talk(url, user, *words) for user in USERS for words in words_of]
        return [got, sorted(GOT)]

    import logging

    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    GOT: list[Any] = []
    return as_user(None, asyncio.run, main())


async def asked_over(send: Any, receive: Any) -> list[Any]:
    """What each user is answered, and what comes where nobody is asked."""
    got = []
    for user in USERS:
        current_user.set(user)
        await send(f"from {user}")
        got.append(str(await receive()))
    return [*got, await async_outcome(asyncio.wait_for(receive(), 0.05))]


async def answering(connection: Any) -> None:
    async for text in connection:
        await connection.send(text)


@use("websockets_client")
def websockets_client() -> Any:
    import websockets
    from websockets.asyncio.client import connect

    async def main() -> Any:
        async with websockets.serve(answering, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"  # type: ignore[index]
            async with connect(url) as client:
                return await asked_over(client.send, client.recv)

    return as_user(None, asyncio.run, main())


@use("aiohttp_ws_client")
def aiohttp_ws_client() -> Any:
    import aiohttp
    import websockets

    async def main() -> Any:
        async with websockets.serve(answering, "127.0.0.1", 0) as server, aiohttp.ClientSession() as session:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"  # type: ignore[index]
            async with session.ws_connect(url) as client:
                await client.send_bytes(b"first")
                return [str(await client.receive()), await asked_over(client.send_str, client.receive)]

    return as_user(None, asyncio.run, main())


@use("aiohttp_web")
def aiohttp_web() -> Any:
    from aiohttp import web

    async def chat(request: Any) -> Any:
        current_user.set(request.headers["x-user"])
        connection = web.WebSocketResponse()
        early = await async_outcome(connection.send_str("early"))
        await connection.prepare(request)
        await connection.send_str(early)
        async for message in connection:
            if message.data == "break":
                raise LookupError(message.data)
            if message.data == "bytes":
                await connection.send_bytes(b"of " + current_user.get().encode())  # type: ignore[union-attr]
            await connection.send_json([current_user.get(), message.data])
        got.append([await async_outcome(connection.receive()), await async_outcome(connection.send_bytes(b"late"))][1])
        return connection

    async def page(request: Any) -> Any:
        current_user.set(request.headers["x-user"])
        return web.json_response({"for": current_user.get()})

    async def streamed(request: Any) -> Any:
        current_user.set(request.headers["x-user"])
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(f"for {current_user.get()}".encode())
        await response.write_eof(b"!")
        return response

    async def broken(request: Any) -> Any:
        current_user.set(request.headers["x-user"])
        wrong = web.Response(headers={"x-note": "two\nlines"})
        got.append(await async_outcome(wrong.prepare(request)))
        response = web.StreamResponse()
        await response.prepare(request)
        request.transport.abort()
        got.append(await async_outcome(response.write(b"nobody reads this")))
        return response

    @asynccontextmanager
    async def serving_aiohttp() -> Any:
        app = web.Application()
        app.add_routes([web.get("/", chat), *(web.get(f"/{one.__name__}", one) for one in (page, streamed, broken))])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def main() -> Any:
        async with serving_aiohttp() as url:
            talks = [await talk(url, user, *words) for user in USERS for words in (("hello", "bytes"), ("break",))]
            unprepared = web.WebSocketResponse()
            wrong = [await async_outcome(unprepared.receive()), await async_outcome(unprepared.prepare(None))]  # type: ignore[arg-type]
            pages = [await async_outcome(get(url, path, user)) for path in ("/page", "/streamed") for user in USERS]
            pages.append(await async_outcome(get(url, "/broken", "alice")))
            await asyncio.sleep(0.01)
            return [str(talks), wrong, [str(body).rpartition("\r\n\r\n")[2] for body in pages]]

    got: list[Any] = []
    return [as_user(None, asyncio.run, main()), got]


@use("channels")
def channels() -> Any:
    from django.conf import settings

    if not settings.configured:
        settings.configure()
    from channels.consumer import StopConsumer
    from channels.generic.websocket import AsyncWebsocketConsumer
    from channels.layers import InMemoryChannelLayer, channel_layers

    layer = InMemoryChannelLayer(capacity=1)
    channel_layers.backends = {"default": layer}

    class Chat(AsyncWebsocketConsumer):  # type: ignore[misc]
        async def connect(self) -> None:
            self.user = dict(self.scope["headers"])[b"x-user"].decode()
            current_user.set(self.user)
            await self.channel_layer.group_add("lobby", self.channel_name)
            await self.accept()

        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            if text_data == "break":
                raise LookupError(text_data)
            await self.channel_layer.group_send("lobby", {"type": "chat", "text": f"{self.user}: {text_data}"})
            mine = {"type": "chat", "text": f"{self.user} alone"}
            wrong = [await async_outcome(self.channel_layer.group_send("no group!", mine))]
            wrong.append(await async_outcome(self.channel_layer.send("no channel!", mine)))
            await self.send(text_data=" ".join(map(str, wrong)))

        async def chat(self, event: Any) -> None:
            await self.send(text_data=event["text"])

        async def disconnect(self, _code: int) -> None:
            await self.channel_layer.group_discard("lobby", self.channel_name)
            raise StopConsumer

    async def visit(user: str, *words: str) -> Any:
        messages = [{"type": "websocket.receive", "text": word} for word in words]
        ends = {"type": "websocket.disconnect", "code": 1001}
        return await called(Chat.as_asgi(), "/", user, {"type": "websocket.connect"}, *messages, ends, kind="websocket")

    async def main() -> Any:
        async with serving(Chat.as_asgi()) as url:
            talks = [await listen(url, user) for user in USERS]
        channel = await layer.new_channel()
        current_user.set("alice")
        sent = [await async_outcome(layer.send(channel, {"type": "chat"})) for _ in range(2)]
        return [talks, [await visit(user, "break") for user in USERS], sent, sorted(layer.groups)]

    async def listen(url: str, user: str) -> Any:
        import websockets

        async with websockets.connect(url, additional_headers={"x-user": user}) as client:
            await client.send("hello")
            return sorted([str(await client.recv()), str(await client.recv())])

    return as_user(None, asyncio.run, main())


@use("socketio")
def socketio() -> Any:
    import socketio

    async def asynchronous() -> Any:
        server = socketio.AsyncServer(async_mode="asgi")
        sids: dict[str, str] = {}

        @server.event
        async def connect(sid: str, _environ: Any, auth: Any) -> None:
            current_user.set(auth["user"])
            sids[auth["user"]] = sid
            await server.save_session(sid, {"user": auth["user"]})
            await server.enter_room(sid, "lobby")

        @server.event
        async def ask(sid: str, word: str) -> Any:
            user = (await server.get_session(sid))["user"]
            current_user.set(user)
            if word == "break":
                raise LookupError(word)
            wrong = [
                await async_outcome(call) for call in (server.get_session("nobody"), server.emit("x", {}, to=[[]]))
            ]
            await server.emit("answer", f"for {user}", to=sid)
            await server.emit("news", f"by {user}", room="lobby")
            await server.emit("news", "for all")
            return wrong

        async def visit(url: str, user: str) -> Any:
            got: list[Any] = []
            client = socketio.AsyncClient()
            client.on("*", lambda event, data: got.append([event, data]))
            await client.connect(url.replace("ws", "http", 1), auth={"user": user}, transports=["websocket"])
            got.append(await client.call("ask", "hello", timeout=60))
            got.append(await async_outcome(client.call("ask", "break", timeout=0.05)))
            await client.disconnect()
            return sorted(map(str, got))

        async with serving(socketio.ASGIApp(server)) as url:
            return [await visit(url, user) for user in USERS]

    return [as_user(None, asyncio.run, asynchronous()), as_user(None, synchronous)]


def synchronous() -> Any:
    """A server for threads, without the network."""
    import socketio

    server = socketio.Server(async_mode="threading", async_handlers=False)
    sids: dict[str, str] = {}

    @server.event
    def connect(sid: str, environ: Any) -> None:
        current_user.set(environ["HTTP_X_USER"])
        sids[environ["HTTP_X_USER"]] = sid
        server.save_session(sid, {"user": environ["HTTP_X_USER"]})
        server.enter_room(sid, "lobby")

    @server.event
    def ask(sid: str, word: str) -> Any:
        if word == "break":
            raise LookupError(word)
        user = server.get_session(sid)["user"]
        server.emit("answer", f"for {user}", to=sid)
        server.emit("news", f"by {user}", room="lobby")
        server.emit("news", "for all")
        return user

    sent: list[Any] = []
    server.eio.send_packet = lambda sid, packet: sent.append([sid, str(packet.data)])
    server.eio.send = lambda sid, data: sent.append([sid, str(data)])
    for user in USERS:
        server._handle_eio_connect(user, {"HTTP_X_USER": user})
        server.eio.sockets[user] = type("Socket", (), {"session": {}, "closed": False})()
        server._handle_eio_message(user, "0")
        wrong = [outcome(server._handle_eio_message, user, f'2["ask","{word}"]') for word in ("hello", "break")]
        sent.append([user, *wrong])
    for user in USERS:
        server._handle_eio_disconnect(user, "gone")
    return str(sent).replace(sids.get("alice", "-"), "a").replace(sids.get("bob", "-"), "b")
