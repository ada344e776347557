"""Sessions, tokens and keys by which users are known: nothing of them stays, and nothing of them leaves."""

from __future__ import annotations

import asyncio
import gc
import json
import types
from collections import deque
from urllib.parse import urlsplit

from servers import serving
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from test_serving import known

from isolation_audit.auditor import current
from isolation_audit.config import Config
from isolation_audit.exporters.metrics import families
from isolation_audit.exporters.terminal import Painter, render_finding, render_summary

SECRETS = ("Planted1Session9c1f3a", "Planted2Bearer9c1f3a", "Planted3ApiKey9c1f3a", "Planted4Query9c1f3a")
HEADERS = {
    "Cookie": f"sessionid={SECRETS[0]}",
    "Authorization": f"Bearer {SECRETS[1]}",
    "X-Api-Key": SECRETS[2],
}
last = []


async def private(request):
    request.scope["user"] = {"username": request.query_params["as"]}
    last.append(request.query_params["as"])
    return JSONResponse("welcome")


async def public(request):
    return JSONResponse(last[-1])


async def who(request):
    return JSONResponse(known())


APP = Starlette(routes=[Route("/private", private), Route("/public", public), Route("/who", who)])


async def get(url, path, headers):
    """Over a plain socket: what a client library of this process asks for is an input of its own."""
    reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    lines = [f"GET {path} HTTP/1.1", "Host: here", "Connection: close", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def held_by(root):
    """Texts that our objects lead to; modules, code and classes are everybody's."""
    seen, waiting = {id(root)}, deque([root])
    skipped = (type, types.ModuleType, types.FunctionType, types.CodeType, types.FrameType, types.BuiltinFunctionType)
    while waiting:
        for one in gc.get_referents(waiting.popleft()):
            if type(one) in (str, bytes):
                yield one if type(one) is str else one.decode("latin-1")
            elif id(one) not in seen and not isinstance(one, skipped):
                seen.add(id(one))
                waiting.append(one)


def test_no_credential_stays_or_leaves(audited):
    last.clear()

    async def scenario():
        async with serving(APP) as url:
            await get(url, f"/private?as=alice&token={SECRETS[3]}", HEADERS)
            named = await get(url, "/who", HEADERS)
            await get(url, "/private?as=bob", {})
            await get(url, "/public", HEADERS)
            gc.collect()
            return named, [one for one in held_by(current()) if any(secret in one for secret in SECRETS)]

    done = audited(scenario)
    named, held = done.result
    assert named == "alice"
    assert held == []
    assert list(done.findings) == ["IA203"]
    report = done.auditor.snapshot()
    paint = Painter("never")
    said = [
        json.dumps(report),
        str(list(families(Config(), report))),
        "".join(render_summary(report, paint)),
        *(render_finding(one, paint) for one in report["findings"]),
    ]
    assert report["summary"]["users_by_source"]["credentials"] == 2
    assert not any(secret in text for secret in SECRETS for text in said)
