"""Starlette: the session is opened below the part of the application that needs it; the public page is beside it."""

import threading
import time

import uvicorn
from pages import EMAILS, public, visit, welcome
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route


async def login(request):
    name = request.path_params["name"]
    request.session["user"] = {"username": name, "email": EMAILS[name]}
    return JSONResponse("welcome")


async def logout(request):
    request.session.clear()
    return JSONResponse("bye")


async def private(request):
    return JSONResponse(welcome(request.session["user"]["username"]))


async def page(request):
    return JSONResponse(public())


inner = Starlette(
    routes=[Route("/login/{name}", login), Route("/logout", logout), Route("/private", private)],
    middleware=[Middleware(SessionMiddleware, secret_key="k")],
)
app = Starlette(routes=[Route("/public", page), Mount("/", inner)])
server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
visit(server.servers[0].sockets[0].getsockname()[1])
server.should_exit = True
thread.join()
