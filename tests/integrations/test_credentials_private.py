"""Sessions, tokens and keys by which users are known: nothing of them stays, and nothing of them leaves."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import types
from collections import deque
from urllib.parse import urlsplit

from servers import serving
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from test_serving import known

from isolation_audit.auditor import Auditor, current
from isolation_audit.config import Config, parse_config
from isolation_audit.exporters.configured import configured_sinks
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


async def visits():
    """Whom the second request was, and what our objects hold of the secrets then."""
    last.clear()
    async with serving(APP) as url:
        await get(url, f"/private?as=alice&token={SECRETS[3]}", HEADERS)
        named = await get(url, "/who", HEADERS)
        await get(url, "/private?as=bob", {})
        await get(url, "/public", HEADERS)
        gc.collect()
        return named, [one for one in held_by(current()) if any(secret in one for secret in SECRETS)]


def test_no_credential_stays_or_leaves(audited):
    done = audited(visits)
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


def test_no_credential_is_in_what_is_written_or_logged(tmp_path, caplog):
    tables = {
        "journal": {"path": str(tmp_path / "journal.jsonl")},
        "report": {"directory": str(tmp_path / "report"), "terminal": False, "raw_ids": True},
    }
    caplog.set_level(logging.DEBUG)
    with Auditor(parse_config(tables), configured_sinks) as auditor:
        named, _held = asyncio.run(asyncio.wait_for(visits(), 60))
    assert named == "alice"
    assert auditor.runtime.barrier.counts == {}
    written = {file.name: file.read_text() for file in tmp_path.rglob("*") if file.is_file()}
    assert "IA203" in written["journal.jsonl"]
    # uvicorn itself logs paths with their queries.
    logged = "".join(one.getMessage() for one in caplog.records if not one.name.startswith("uvicorn"))
    assert not any(secret in text for secret in SECRETS for text in (*written.values(), logged))
