"""Servers on loopback, and places in test functions."""

from __future__ import annotations

import asyncio
import inspect
import threading
import warnings
from contextlib import asynccontextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import uvicorn
from clients import Browser


@asynccontextmanager
async def serving(app: Any, ws: str = "auto", http: Any = "auto", lifespan: Any = "off"):
    """``app`` on uvicorn, on a port of its own: gives the address."""
    config = uvicorn.Config(app, port=0, log_config=None, ws=ws, http=http, lifespan=lifespan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one of the two is deprecated, and so is what it imports
        config.load()
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), task.exception()
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"ws://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 60)


class Quiet(WSGIRequestHandler):
    """Says nothing of what it has served."""

    def log_message(self, *arguments: Any) -> None:
        pass


@asynccontextmanager
async def serving_wsgi(app: Any):
    """``app`` on the standard library's server, on a port and a thread of its own: gives the address."""
    server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        await asyncio.to_thread(server.shutdown)
        thread.join()
        server.server_close()


@asynccontextmanager
async def serving_aiohttp(app: Any):
    """An application of aiohttp on its own server, on the running loop: gives the address."""
    from aiohttp import web

    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def line_of(function: Any, text: str) -> int:
    """The number of the only line of a function that ends with ``text``."""
    lines, first = inspect.getsourcelines(function)
    (index,) = [index for index, line in enumerate(lines) if line.rstrip().endswith(text)]
    return first + index


async def visits(application: Any) -> list[Any]:
    """What ``/mine`` answers alice, bob and alice again, once ``/who`` has made both of them known."""
    async with serving(application) as url:
        browser = Browser(url)
        try:
            for user in ("alice", "bob"):
                await browser.get("/who", user)
            return [await browser.get("/mine", user) for user in ("alice", "bob", "alice")]
        finally:
            browser.close()
