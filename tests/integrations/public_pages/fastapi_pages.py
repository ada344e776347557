"""FastAPI with sessions of its own, by a cookie that says nothing: a dependency looks up whose it is."""

import secrets
import threading
import time

import uvicorn
from fastapi import Cookie, Depends, FastAPI, Request, Response
from pages import EMAILS, public, visit, welcome

app = FastAPI()
SESSIONS = {}


def signed_in(request: Request, crumb: str = Cookie()):
    request.scope["user"] = {"username": SESSIONS[crumb], "email": EMAILS[SESSIONS[crumb]]}
    return SESSIONS[crumb]


@app.get("/login/{name}")
def login(name: str, request: Request, response: Response):
    crumb = secrets.token_urlsafe(24)
    SESSIONS[crumb] = name
    request.scope["user"] = {"username": name, "email": EMAILS[name]}
    response.set_cookie("crumb", crumb)
    return "welcome"


@app.get("/logout")
def logout(response: Response, name: str = Depends(signed_in)):
    response.delete_cookie("crumb")
    return "bye"


@app.get("/private")
def private(name: str = Depends(signed_in)):
    return welcome(name)


@app.get("/public")
async def page():
    return public()


server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
visit(server.servers[0].sockets[0].getsockname()[1])
server.should_exit = True
thread.join()
