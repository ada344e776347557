# requires: fastapi==0.115.0 uvicorn==0.30.6 httpx==0.27.2
# The rows of an export are collected in the module and streamed; whoever comes second gets the first one's, too soon.
# An auditor should find: what is streamed to bob carries alice's rows, though the user is only known inside.
from contextvars import ContextVar

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from starlette.middleware.base import BaseHTTPMiddleware

current_user = ContextVar("current_user", default=None)
app = FastAPI()
rows = []


class Timing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


app.add_middleware(Timing)


@app.get("/export")
async def export(request: Request):
    current_user.set(request.headers["x-user"])
    if not rows:
        rows.extend([f"{current_user.get()}@example.com;", "5\n"])
    return StreamingResponse(iter(rows), media_type="text/csv")


with TestClient(app) as client:
    got = [client.get("/export", headers={"x-user": user}).text for user in ("alice", "bob")]
print(got, "->", "LEAK" if "alice" in got[1] else "OK")
