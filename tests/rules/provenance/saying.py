"""An application whose users say things, and what it gives of them to others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from test_inputs import ALICE, BOB, HEAD
from test_rows import STARLETTE

if TYPE_CHECKING:
    from asking import Client

WORDS = "my card ends in 4242"
FOUND = ("IA203", "warning", BOB, ALICE)

APP = (
    STARLETTE
    + HEAD
    + """
import json
import httpx
from starlette.responses import HTMLResponse, PlainTextResponse, StreamingResponse

turns, last, by_user, rooms = [], {}, {}, {}
cache = SimpleCache()

async def say(request):
    user, told = request.headers["x-user"], await request.json()
    turns.append(told["text"])
    last["text"] = told["text"]
    by_user.setdefault(user, []).append(told["text"])
    add(1, told["text"])
    cache.set("last", told["text"])
    if "to" in told:
        by_user.setdefault(told["to"], []).append(told["text"])
    return JSONResponse({"said": told["text"]})

async def form(request):
    last["text"] = (await request.form())["text"]
    return JSONResponse({})

async def ask(request):
    last["text"] = request.query_params["text"]
    return JSONResponse({})

async def memory(request):
    return PlainTextResponse("So far I know: " + "; ".join(turns))

async def record(request):
    return JSONResponse({"user": request.headers["x-user"], "items": [{"note": last["text"]}]})

async def page(request):
    return HTMLResponse("<p>Hello, you said &quot;" + last["text"] + "&quot;</p>")

async def parts(request):
    async def stream():
        yield "So far: " + last["text"][:9]
        yield last["text"][9:] + "."
    return StreamingResponse(stream(), media_type="text/plain")

async def rows(request):
    return JSONResponse(select())

async def cached(request):
    return JSONResponse([cache.get("last")])

async def own(request):
    return JSONResponse(by_user.get(request.headers["x-user"], []))

async def room(request):
    name, said = request.path_params["name"], request.query_params.get("text")
    if said:
        rooms.setdefault(name, []).append(said)
    return JSONResponse(rooms.get(request.query_params.get("of", name), []))

async def board(request):
    return JSONResponse([{"author": "alice.liddell", "text": last["text"]}])

async def titled(request):
    return JSONResponse({"result": {"title": last["text"].partition("=")[2], "owner": "alice.liddell"}})

async def constant(request):
    return JSONResponse({"hint": "Which of your cards is it", "text": last["text"] and "please name your card"})

async def shouted(request):
    return JSONResponse({"answer": last["text"].title()})

async def banner(request):
    if request.headers["x-user"] != "alice.liddell":
        return JSONResponse({}, 403)
    return await say(request)

async def notice(request):
    if not is_admin(request.headers["x-user"]):
        return JSONResponse({}, 403)
    return await say(request)

def is_admin(user):
    return user.startswith("alice")

def answer(asked):
    said = json.loads(asked.content)["messages"]
    return httpx.Response(200, json={"content": "I read: " + said[-1]})

model = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://model.test")

async def complete(request):
    told = await request.json() if request.method == "POST" else {"text": last["text"]}
    given = await model.post("/chat", json={"messages": [told["text"]]})
    return JSONResponse(given.json())

async def end():
    engine.dispose()
    await model.aclose()

VIEWS = [
    *(say, ask, form, memory, record, page, parts, rows, cached, own, board, titled, constant),
    *(shouted, banner, notice, complete),
]
async def about(request):
    return PlainTextResponse(last["text"])

routes = [Route("/" + one.__name__, one, methods=["GET", "POST"]) for one in VIEWS]
app = Starlette(routes=[*routes, Route("/rooms/{name}", room), Route("/about/{rest:path}", about)])
"""
)


def say(site: Client, user: str, text: str, path: str = "/say", **more: Any) -> None:
    site.ask(user, path, json.dumps({"text": text, **more}).encode(), content_type="sitelication/json")
