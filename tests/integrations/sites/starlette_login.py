"""Starlette with its own login: a cookie, seen as ``request.user``. A gateway adds a header of its own as well."""

import threading
import time

import uvicorn
from assistant import Browser, Keeper, known, say
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route

keeper = Keeper()


class Cookie(AuthenticationBackend):
    async def authenticate(self, conn):
        user = conn.session.get("who")
        return (AuthCredentials(["authenticated"]), SimpleUser(user)) if user else None


async def login(request):
    request.session["who"] = request.query_params["user"]
    return JSONResponse("welcome")


async def ask(request):
    if request.user.is_authenticated:
        keeper.assistant().answer()
    return JSONResponse(known())


app = Starlette(
    routes=[Route("/login", login), Route("/ask", ask)],
    middleware=[
        Middleware(SessionMiddleware, secret_key="k"),
        Middleware(AuthenticationMiddleware, backend=Cookie()),
    ],
)
server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
port = server.servers[0].sockets[0].getsockname()[1]
seen = []
for user in ("alice", "bob"):
    browser = Browser(port, **{"X-User": "gateway-7"})
    seen.append(browser.get("/ask"))
    browser.get(f"/login?user={user}")
    seen.append(browser.get("/ask"))
server.should_exit = True
thread.join()
say(*seen)
