"""An application that keeps what its requests have brought in, and requests to it."""

APP = """
from isolation_audit.integrations.building_blocks.http_request import tell
from isolation_audit.model.sources import LOGIN
from isolation_audit.model.user_names import Name
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

import threading

last = {}
rooms = {}
board = []
local = threading.local()

async def note(request):
    text = request.query_params["text"]
    before = last.get("text")
    last["text"] = text
    return JSONResponse({"before": before})

async def look(request):
    return JSONResponse({"text": last.get("text")})

async def say(request):
    messages = rooms.setdefault(request.path_params["room"], [])
    messages.append({"text": request.query_params["text"]})
    return JSONResponse(messages)

backwards = {"8": "enak.lorac", "80": "nworb.nad"}

async def seen(request):
    number = request.query_params["number"]
    name = backwards[number][::-1]
    tell(LOGIN, Name(number, (name,)))
    before = last.get("reader")
    last["reader"] = name
    return JSONResponse({"before": before})

async def tenant(request):
    if "of" in request.query_params:
        local.tenant = request.query_params["of"]
    return JSONResponse({"tenant": getattr(local, "tenant", None)})

async def post(request):
    board.append({"by": request.headers["x-user"], "text": request.query_params["text"]})
    return JSONResponse({})

async def read(request):
    return JSONResponse(board)

pages = {}
drawing = {"page": lambda request: "the page of " + request.headers["x-user"]}

async def page(request):
    path = request.url.path
    if path not in pages:
        pages[path] = drawing["page"](request)
    return JSONResponse({"page": pages[path]})

waiting = []
sent_on = []

async def leave(request):
    waiting.append(request.query_params["text"])
    return JSONResponse({})

async def collect(request):
    found = []
    handed_to = found if request.query_params["to"] == "me" else sent_on
    for one in waiting:
        handed_to.append(one)
    waiting.clear()
    return JSONResponse({"found": found})

staff = {"carol-3"}
trail = []

async def act(request):
    trail.append({"user": request.headers["x-user"], "did": request.query_params["text"]})
    return JSONResponse({})

async def audit(request):
    if request.headers["x-user"] not in staff:
        return JSONResponse({"error": "staff only"}, status_code=403)
    return JSONResponse({"trail": trail[-9:]})

async def own(request):
    return JSONResponse({"trail": trail[-9:]})

log = []

class Sums:
    def __init__(self):
        self.found, self.total = [], 0

    def apply(self, event):
        self.total += event["n"]

    def show(self, event):
        self.found.append(event["memo"])

async def deposit(request):
    memo = request.query_params["memo"]
    log.append({"account": request.headers["x-user"], "n": int(request.query_params["n"]), "memo": memo})
    return JSONResponse({})

async def replay(request):
    sums = Sums()
    for event in log:
        sums.apply(event)
    return JSONResponse({"total": sums.total})

async def memos(request):
    sums = Sums()
    for event in log:
        sums.show(event)
    return JSONResponse({"memos": sums.found})

more = [Route("/" + one.__name__, one) for one in (deposit, replay, memos)]
more += [Route("/" + one.__name__, one) for one in (page, leave, collect, act, audit, own)]
more += [Route("/seen", seen), Route("/tenant", tenant), Route("/post", post), Route("/read", read)]
app = Starlette(routes=[*more, Route("/note", note), Route("/look", look), Route("/rooms/{room}", say)])
"""

ALICE = {"x-user": "alice-1"}
BOB = {"x-user": "bob-2"}
FIRST = {"cookie": "sessionid=k3jh4k5j6h7k8j9h0a1s2d3f4g5"}
SECOND = {"cookie": "sessionid=z9x8c7v6b5n4m3q2w1e0r9t8y7"}


async def ask(app, path, query, headers):
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "server": ("shop", 80),
        "client": ("127.0.0.1", 1),
        "query_string": query.encode(),
        "headers": [(b"host", b"shop"), *((name.encode(), value.encode()) for name, value in headers.items())],
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent[-1]["body"].decode()


def note(text, headers):
    return ("/note", f"text={text}", headers)
