# requires: fastapi==0.115.0 uvicorn==0.30.6 httpx==0.27.2
# A plain dependency runs on a worker thread, in a copy of the context: the user whom it sets there is lost.
# An auditor should find: what is booked in alice's request is booked for nobody.
from contextvars import ContextVar

from fastapi import Depends, FastAPI, Header
from fastapi.testclient import TestClient

current_user = ContextVar("current_user", default=None)
app = FastAPI()
booked = []


def sign_in(x_user: str = Header()):
    current_user.set(x_user)


def book(what):
    booked.append((what, current_user.get()))


@app.post("/orders", dependencies=[Depends(sign_in)])
async def order():
    book("tea")
    return {"ordered": "tea"}


with TestClient(app) as client:
    client.post("/orders", headers={"x-user": "alice"})
print(booked, "->", "LOST" if booked == [("tea", None)] else "OK")
