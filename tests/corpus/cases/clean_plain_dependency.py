# requires: fastapi==0.115.0 uvicorn==0.30.6 httpx==0.27.2
# The clean twin of case_plain_dependency: the dependency is a coroutine; a plain one tells by its result.
from contextvars import ContextVar

from fastapi import Depends, FastAPI, Header
from fastapi.testclient import TestClient

current_user = ContextVar("current_user", default=None)
app = FastAPI()
booked = []


async def sign_in(x_user: str = Header()):
    current_user.set(x_user)


def name(x_user: str = Header()):
    current_user.set(x_user)
    return x_user


def book(what):
    booked.append((what, current_user.get()))


@app.post("/orders", dependencies=[Depends(sign_in)])
async def order():
    book("tea")


@app.post("/gifts")
async def gift(user: str = Depends(name)):
    booked.append(("gift", user))


@app.post("/errands", dependencies=[Depends(sign_in)])
def errand():
    book("errand")


with TestClient(app) as client:
    for path in ("/orders", "/gifts", "/errands"):
        client.post(path, headers={"x-user": "alice"})
print(booked, "->", "OK" if [user for _what, user in booked] == ["alice"] * 3 else "LOST")
