"""FastAPI: a coroutine, a function on a thread, an exception, a WebSocket."""

from contextlib import suppress

import last
from fastapi import FastAPI, Header, WebSocket
from fastapi.responses import PlainTextResponse

app = FastAPI()


@app.get("/own", response_class=PlainTextResponse)
def own(x_user: str = Header()):
    return last.own(x_user)


@app.get("/last")
async def of_the_last(x_user: str = Header()):
    return {"text": last.last(x_user)}


@app.get("/fails")
async def fails():
    raise ValueError("as it should")


@app.websocket("/echo")
async def echo(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text() + " " + websocket.headers["x-user"])
    await websocket.close()
    with suppress(RuntimeError):  # too late, and refused
        await websocket.send_text("one more thing")
