"""Starlette with a session that keeps who has logged in, and no more of a login than that."""

import threading
import time

import uvicorn
from assistant import Browser, Keeper, known, say
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route

keeper = Keeper()


async def login(request):
    request.session["user"] = {"email": request.query_params["user"], "name": "somebody"}
    return JSONResponse(known())


async def ask(request):
    if "user" in request.session:
        keeper.assistant().answer()
    return JSONResponse(known())


app = Starlette(
    routes=[Route("/login", login), Route("/ask", ask)],
    middleware=[Middleware(SessionMiddleware, secret_key="k")],
)
server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
port = server.servers[0].sockets[0].getsockname()[1]
seen = []
for user in ("alice@example.com", "bob@example.com"):
    browser = Browser(port)
    seen += [browser.get("/ask"), browser.get(f"/login?user={user}"), browser.get("/ask")]
server.should_exit = True
thread.join()
say(*seen)
