"""FastAPI Users: signed tokens in a cookie, or, with ``opaque``, tokens that say nothing."""

import secrets
import sys
import threading
import time
from dataclasses import dataclass

import uvicorn
from assistant import Browser, Keeper, known, say
from fastapi import Depends, FastAPI, Response
from fastapi_users import BaseUserManager, FastAPIUsers, IntegerIDMixin
from fastapi_users.authentication import AuthenticationBackend, CookieTransport, JWTStrategy, Strategy
from fastapi_users.db import BaseUserDatabase

SECRET = "0123456789abcdef0123456789abcdef"
app = FastAPI()
keeper = Keeper()


@dataclass
class Person:
    id: int
    email: str
    hashed_password: str = ""
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = True


PEOPLE = {number: Person(number, f"{name}@example.com") for number, name in enumerate(("alice", "bob"), 1)}
TOKENS = {}


class Table(BaseUserDatabase):
    async def get(self, id):
        return PEOPLE.get(id)


class Manager(IntegerIDMixin, BaseUserManager):
    pass


class Opaque(Strategy):
    async def read_token(self, token, user_manager):
        return TOKENS.get(token)

    async def write_token(self, user):
        token = secrets.token_hex(8)
        TOKENS[token] = user
        return token


def strategy():
    return Opaque() if "opaque" in sys.argv else JWTStrategy(SECRET, 60)


async def manager():
    yield Manager(Table())


backend = AuthenticationBackend("cookie", CookieTransport("who", cookie_secure=False), strategy)
users = FastAPIUsers(manager, [backend])


@app.get("/login/{number}")
async def login(number: int, response: Response):
    response.set_cookie("who", await strategy().write_token(PEOPLE[number]))
    return known()


@app.get("/ask")
async def ask(user: Person = Depends(users.current_user(active=True))):
    keeper.assistant().answer()
    return known()


@app.get("/look")
async def look(user: Person = Depends(users.current_user(optional=True))):
    return known()


server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
port = server.servers[0].sockets[0].getsockname()[1]
seen = []
for number in PEOPLE:
    browser = Browser(port, **{"X-User": "gateway-7"})
    seen += [browser.get("/ask"), browser.get(f"/login/{number}"), browser.get("/ask"), browser.get("/look")]
seen.append(Browser(port).get("/look"))
server.should_exit = True
thread.join()
say(*seen)
