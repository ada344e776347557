"""aiohttp; ``python aiohttp_app.py PORT``."""

import sys

import last
from aiohttp import web


async def own(request):
    return web.Response(text=last.own(request.headers["X-User"]))


async def of_the_last(request):
    return web.json_response({"text": last.last(request.headers["X-User"])})


async def fails(request):
    raise ValueError("as it should")


app = web.Application()
app.add_routes([web.get("/own", own), web.get("/last", of_the_last), web.get("/fails", fails)])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
