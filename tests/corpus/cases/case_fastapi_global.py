# requires: fastapi==0.115.0 uvicorn==0.30.6 httpx==0.27.2
# The request handler keeps its work in a module global and waits in between; another request takes the global over.
# An auditor should find: the response to bob carries what was made for alice.
import asyncio
import threading
import time
from contextvars import ContextVar

import httpx
import uvicorn
from fastapi import FastAPI, Request

current_user = ContextVar("current_user", default=None)
app = FastAPI()
draft = None


@app.middleware("http")
async def sign_in(request: Request, call_next):
    current_user.set(request.headers["x-user"])
    return await call_next(request)


@app.get("/letter")
async def letter(wait: float):
    global draft
    draft = {"from": f"{current_user.get()}@example.com"}
    await asyncio.sleep(wait)
    return draft


async def ask(client, user, before, wait):
    await asyncio.sleep(before)
    return (await client.get(f"/letter?wait={wait}", headers={"x-user": user})).json()


async def main(port):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        # bob's request begins first and is overtaken.
        return await asyncio.gather(ask(client, "bob", 0, 0.2), ask(client, "alice", 0.1, 0))


server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
got, _ = asyncio.run(main(server.servers[0].sockets[0].getsockname()[1]))
server.should_exit = True
thread.join()
print("bob got", got, "->", "LEAK" if "alice" in got["from"] else "OK")
