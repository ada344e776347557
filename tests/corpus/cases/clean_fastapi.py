# requires: fastapi==0.115.0 uvicorn==0.30.6 httpx==0.27.2
# The clean twin of case_fastapi_global: the draft is the request's own; a counter of the process is everybody's. One
# client asks as both users on one connection, as a reverse proxy does.
import asyncio
import threading
import time
from contextvars import ContextVar

import httpx
import uvicorn
from fastapi import BackgroundTasks, Depends, FastAPI, Request

current_user = ContextVar("current_user", default=None)
app = FastAPI()
served = {"letters": 0}
mailed = []


@app.middleware("http")
async def sign_in(request: Request, call_next):
    current_user.set(request.headers["x-user"])
    return await call_next(request)


def user_of(request: Request):
    return request.headers["x-user"]


def mail(user):
    mailed.append((user, current_user.get()))


@app.get("/letter")
async def letter(wait: float, later: BackgroundTasks, user: str = Depends(user_of)):
    draft = {"from": f"{user}@example.com"}
    served["letters"] += 1
    later.add_task(mail, user)
    await asyncio.sleep(wait)
    return {**draft, "number": served["letters"]}


async def ask(client, user, before, wait):
    await asyncio.sleep(before)
    return (await client.get(f"/letter?wait={wait}", headers={"x-user": user})).json()["from"]


async def main(port):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        together = await asyncio.gather(ask(client, "bob", 0, 0.2), ask(client, "alice", 0.1, 0))
        return [*together, await ask(client, "bob", 0, 0), await ask(client, "alice", 0, 0)]


server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
got = asyncio.run(main(server.servers[0].sockets[0].getsockname()[1]))
server.should_exit = True
thread.join()
right = [f"{user}@example.com" for user in ("bob", "alice", "bob", "alice")]
print(got, "->", "OK" if got == right and all(one == other for one, other in mailed) else "LEAK")
