"""aiohttp with aiohttp-session, which opens the session where a handler asks for it."""

import asyncio
import threading

from aiohttp import web
from aiohttp_session import SimpleCookieStorage, get_session, setup
from pages import EMAILS, public, visit, welcome


async def login(request):
    name = request.match_info["name"]
    (await get_session(request))["user"] = {"username": name, "email": EMAILS[name]}
    return web.json_response("welcome")


async def logout(request):
    (await get_session(request)).clear()
    return web.json_response("bye")


async def private(request):
    return web.json_response(welcome((await get_session(request))["user"]["username"]))


async def page(request):
    return web.json_response(public())


async def main():
    app = web.Application()
    app.add_routes(
        [
            web.get("/login/{name}", login),
            web.get("/logout", logout),
            web.get("/private", private),
            web.get("/public", page),
        ]
    )
    setup(app, SimpleCookieStorage())
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    client = threading.Thread(target=visit, args=(runner.addresses[0][1],))
    client.start()
    while client.is_alive():
        await asyncio.sleep(0.01)
    await runner.cleanup()


asyncio.run(main())
