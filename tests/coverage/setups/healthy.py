"""Small applications whose users are known without a configuration: ``healthy.py NAME``."""

from __future__ import annotations

import asyncio
import sys

from serving import USERS, elsewhere, everybody, in_thread, with_uvicorn, with_wsgiref


def fastapi() -> None:
    from fastapi import FastAPI

    app = FastAPI()
    app.get("/")(lambda: {"hello": "you"})
    with_uvicorn(app, everybody)


def starlette() -> None:
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    with_uvicorn(Starlette(routes=[Route("/", lambda _request: PlainTextResponse("hello"))]), everybody)


def django() -> None:
    from django.conf import settings
    from django.http import HttpResponse
    from django.urls import path

    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="k")
    globals()["urlpatterns"] = [path("", lambda _request: HttpResponse("hello"))]
    from django.core.wsgi import get_wsgi_application

    with_wsgiref(get_wsgi_application(), everybody)


def flask() -> None:
    import logging

    from flask import Flask
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = Flask(__name__)
    app.get("/")(lambda: "hello")
    in_thread(make_server("127.0.0.1", 0, app), everybody)


def http() -> None:
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_words):
            pass

    in_thread(ThreadingHTTPServer(("127.0.0.1", 0), Handler), everybody)


def aiohttp() -> None:
    from aiohttp import web

    async def hello(_request):
        return web.Response(text="hello")

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/", hello)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        await elsewhere(everybody, runner.addresses[0][1])
        await runner.cleanup()

    asyncio.run(main())


def socketio() -> None:
    import socketio as library

    server = library.AsyncServer(async_mode="asgi")

    @server.on("ask")
    async def answer(_sid, text):
        return text

    async def talk(port: int) -> None:
        for user in USERS:
            async with library.AsyncSimpleClient() as client:
                await client.connect(f"http://127.0.0.1:{port}", headers={"X-User": user})
                assert await client.call("ask", "how are you?") == "how are you?"

    with_uvicorn(library.ASGIApp(server), lambda port: asyncio.run(talk(port)))


if __name__ == "__main__":
    globals()[sys.argv[1]]()
