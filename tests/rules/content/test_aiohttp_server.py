"""What aiohttp's own server answers: searched before it is compressed and framed, once a response."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import types
import zlib
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Any

import pytest
from auditing import Audit, config, current_user

import isolation_audit
from isolation_audit.auditor import Auditor
from isolation_audit.rules.content.responses import Response

web = pytest.importorskip("aiohttp.web")

ALICE, BOB = "user-alice", "user-bob"
MINE = json.dumps({"owner": BOB, "text": "buy milk"})
HERS = json.dumps({"owner": ALICE, "text": "call the bank"})
SAID = json.dumps({"user": ALICE, "text": "call the bank"})
BOTH = json.dumps({"owner": BOB, "friends": [ALICE]})


@pytest.fixture(autouse=True)
def _alice_is_known(audit) -> None:
    audit.as_user(ALICE, audit.auditor.runtime.ambient.current)


def witnesses(audit: Audit) -> list[tuple[str | None, str | None]]:
    findings = [entry.finding for entry in audit.auditor.recorder.entries()]
    assert {one.rule for one in findings} <= {"IA203"}, findings
    return [(one.witnesses.ambient, one.witnesses.content) for one in findings]


@web.middleware
async def signed_in(request: Any, handler: Any) -> Any:
    current_user.set(request.headers.get("x-user"))
    return await handler(request)


@asynccontextmanager
async def serving(*routes: Any):
    """An application on loopback: gives the port."""
    app = web.Application(middlewares=[signed_in])
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def get(port: int, path: str = "/", method: str = "GET", **headers: str) -> bytes:
    """Head and body of an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    named = "".join(f"{name}: {value}\r\n" for name, value in ({"x-user": BOB} | headers).items())
    writer.write(f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{named}connection: close\r\n\r\n".encode())
    got = await reader.read()
    writer.close()
    return got


def ask(handler: Any, path: str = "/", method: str = "GET", **headers: str) -> bytes:
    async def main() -> bytes:
        async with serving(web.route("*", "/{rest:.*}", handler)) as port:
            return await get(port, path, method, **headers)

    return asyncio.run(main())


def whole(body: str | bytes, **more: Any) -> Any:
    async def answer(request: Any) -> Any:
        given = {"text" if isinstance(body, str) else "body": body}
        return web.Response(**{"content_type": "application/json"} | given | more)

    return answer


def streamed(*chunks: str, content_type: str = "application/json", compress: bool = False) -> Any:
    async def answer(request: Any) -> Any:
        response = web.StreamResponse(headers={"content-type": content_type})
        if compress:
            response.enable_compression()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk.encode())
        await response.write_eof()
        return response

    return answer


async def refused(request: Any) -> Any:
    raise web.HTTPForbidden(text=HERS)


async def compressed(request: Any) -> Any:
    response = web.Response(text=HERS)
    response.enable_compression()
    return response


async def by_parts(request: Any) -> Any:
    async def parts() -> Any:
        yield b"see user-a"
        yield b"lice and others"

    return web.Response(body=parts(), content_type="text/plain")


async def from_file(request: Any) -> Any:
    return web.Response(body=io.BytesIO(HERS.encode()), content_type="application/json")


class View(web.View):
    async def get(self) -> Any:
        return web.json_response(json.loads(HERS))


LEAKS = {
    "whole": whole(HERS),
    "streamed": streamed(HERS),
    "cut in two": streamed("see user-a", "lice and others"),
    "refused": refused,
    "compressed": compressed,
    "a compressed stream": streamed(HERS, compress=True),
    "an asynchronous generator": by_parts,
    "a file": from_file,
    "a class of views": View,
    "bytes": whole(HERS.encode()),
    "pushed": streamed(f"data: {HERS}\n\n", content_type="text/event-stream"),
}


@pytest.mark.parametrize("handler", LEAKS.values(), ids=LEAKS)
@pytest.mark.parametrize("encoding", ["deflate", "identity"])
def test_another_users_data_is_found_once_with_the_handler(audit, handler, encoding) -> None:
    got = ask(handler, **{"accept-encoding": encoding})
    body = got.partition(b"\r\n\r\n")[2]
    assert handler not in (whole, refused) or HERS.encode() in body
    assert witnesses(audit) == [(BOB, ALICE)]
    assert audit.auditor.recorder.counts["IA203"] == 1
    assert audit.auditor.runtime.tally.payloads_truncated == 0
    (finding,) = audit.found("IA203")
    assert finding.site.top.file == __file__
    assert finding.site.top.function.rpartition(".")[2] in ("answer", "get", handler.__name__)
    if handler is compressed and encoding == "deflate":
        assert zlib.decompress(body) == HERS.encode()


CLEAN = {
    "own": (whole(MINE), "/"),
    "own beside hers": (whole(BOTH), "/"),
    "own in a later chunk": (streamed(HERS, MINE), "/"),
    "asked for by path": (whole(HERS), f"/users/{ALICE}"),
    "asked for by path, streamed": (streamed(HERS), f"/users/{ALICE}"),
    "asked for by path, a file": (from_file, f"/users/{ALICE}"),
    "asked for by query": (whole(HERS), f"/users?id={ALICE}"),
    "nobody": (whole("nothing"), "/"),
    "a style sheet": (whole(HERS, content_type="text/css"), "/"),
    "cut into what looks like hers": (streamed(f"see {ALICE}", "2 and others"), "/"),
    "said in a chat": (streamed(f"data: {SAID}\n\n", content_type="text/event-stream"), "/"),
}


@pytest.mark.parametrize(("handler", "path"), CLEAN.values(), ids=CLEAN)
def test_what_may_leave(audit, handler, path) -> None:
    ask(handler, path)
    assert witnesses(audit) == []


@pytest.mark.parametrize("handler", [whole(HERS), compressed], ids=["plain", "compressed"])
def test_the_head_alone_holds_nothing(audit, handler) -> None:
    assert b"owner" not in ask(handler, method="HEAD", **{"accept-encoding": "deflate"})
    assert witnesses(audit) == []


def test_what_the_application_has_compressed_is_unpacked(audit) -> None:
    ask(whole(zlib.compress(HERS.encode()), headers={"content-encoding": "deflate"}))
    assert (witnesses(audit), audit.auditor.runtime.tally.payloads_truncated) == ([(BOB, ALICE)], 0)


def test_requests_on_one_connection_are_judged_for_themselves(audit) -> None:
    async def answer(request: Any) -> Any:
        return web.Response(text=BOTH if request.headers["x-user"] == BOB else "nothing")

    async def main() -> None:
        async with serving(web.get("/", answer)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for user in (BOB, "user-carol", BOB):
                writer.write(f"GET / HTTP/1.1\r\nhost: localhost\r\nx-user: {user}\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split()[0])
                await reader.readexactly(length)
            writer.close()

    asyncio.run(main())
    assert witnesses(audit) == []


def test_a_client_in_the_same_process_is_left_alone(audit) -> None:
    """Clients write with the same class: what bob asks of another service may name whom it likes."""
    import aiohttp

    async def friends(request: Any) -> Any:
        got = (await request.read()).decode()
        return web.json_response({"known": ALICE in got})

    async def answer(request: Any) -> Any:
        friends = f"http://{request.host}/friends"
        async with aiohttp.ClientSession() as client, client.post(friends, data=HERS) as response:
            return web.Response(body=await response.read())

    async def main() -> bytes:
        async with serving(web.get("/", answer), web.post("/friends", friends)) as port:
            return await get(port)

    assert b'{"known": true}' in asyncio.run(main())
    assert witnesses(audit) == []


@pytest.mark.parametrize("when", ["before the server starts", "while it starts"])
def test_requests_that_begin_as_somebody(audit, when) -> None:
    """Whoever starts a server may be its user by design; who is left behind by what runs at its start may not."""

    async def warm_up(_app: Any) -> None:
        current_user.set("user-carol")

    async def answer(request: Any) -> Any:
        return web.Response(text=str(current_user.get()))

    async def main() -> bytes:
        app = web.Application()
        app.add_routes([web.get("/", answer)])
        if when == "while it starts":
            app.on_startup.append(warm_up)
        else:
            await warm_up(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        got = await get(runner.addresses[0][1])
        await runner.cleanup()
        return got

    # In a context of its own: whoever an earlier test has left in this one would be the server's user by design.
    assert Context().run(asyncio.run, main()).endswith(b"user-carol")
    found = [entry.finding for entry in audit.auditor.recorder.entries()]
    left = [("IA503", "user-carol")] if when == "while it starts" else []
    assert [(one.rule, one.witnesses.ambient) for one in found] == left


def test_what_the_auditor_does_itself_leaves_a_request_watched(audit, monkeypatch) -> None:
    """In a process with very many modules a look through them takes more calls than a watch lasts."""
    for number in range(30_000):
        monkeypatch.setitem(sys.modules, f"one_of_many_{number}", types.ModuleType("one_of_many"))
    test_requests_that_begin_as_somebody(audit, "while it starts")


@pytest.mark.parametrize("method", ["chunk", "__init__"])
def test_faults_in_it_are_counted_and_the_application_goes_on(monkeypatch, method) -> None:
    def broken(*_arguments: Any, **_keywords: Any) -> None:
        raise RuntimeError("broken")

    isolation_audit.uninstrument()
    monkeypatch.setattr(Response, method, broken)
    with Auditor(config()) as auditor:
        for handler in (whole(HERS), streamed(HERS, HERS), compressed):
            assert ask(handler).count(b"call the bank") in (1, 2)
        assert auditor.runtime.barrier.total > 0
