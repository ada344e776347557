# requires: fastapi==0.115.0 uvicorn==0.30.6 httpx==0.27.2
# Articles that name their authors are everybody's to read, one by one, in a list and as an export.
import json
from contextvars import ContextVar

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

current_user = ContextVar("current_user", default=None)
app = FastAPI()
articles = {}


@app.middleware("http")
async def sign_in(request: Request, call_next):
    current_user.set(request.headers["x-user"])
    return await call_next(request)


@app.put("/articles/{number}")
async def write(number: int):
    articles[number] = {"title": "spring", "author": current_user.get(), "likedBy": []}
    return articles[number]


@app.get("/articles/{number}")
async def read(number: int):
    return articles[number]


@app.get("/articles")
async def index():
    return [{"title": one["title"], "created_by": {"username": one["author"]}} for one in articles.values()]


@app.get("/export")
async def export():
    return StreamingResponse(iter(json.dumps([*articles.values()])), media_type="application/json")


with TestClient(app) as client:
    client.put("/articles/1", headers={"x-user": "alice"})
    for user in ("bob", "carol", "alice"):
        for path in ("/articles/1", "/articles", "/export"):
            assert "alice" in client.get(path, headers={"x-user": user}).text
print("OK")
