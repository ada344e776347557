"""Files that requests write and read: one another's uploads, stores that are shared, and what is only an input."""

from __future__ import annotations

import asyncio
import builtins
import inspect
import io
import json
import os
import pickle
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model
from isolation_audit.integrations.files import flags_of

if TYPE_CHECKING:
    from pathlib import Path

ALICE, BOB = "alice.liddell", "bob.builder"


class Site:
    """Converts what is uploaded, under the name that the client gives or another; keeps notes in a file."""

    def __init__(self, folder: Path, *, threaded: bool = False, two: bool = True) -> None:
        self.folder, self.threaded, self.two = folder, threaded, two
        views = (self.convert, self.own_name, self.note, self.page, self.keep)
        self.app = Starlette(routes=[Route(f"/{view.__name__}", view, methods=["POST"]) for view in views])
        self.waiting: dict[str, asyncio.Event] = {}
        self.his, self.written = asyncio.Event(), asyncio.Event()

    async def call(self, function: Any, *args: Any) -> Any:
        return await run_in_threadpool(function, *args) if self.threaded else function(*args)

    async def converted(self, path: Path, request: Any) -> PlainTextResponse:
        if request.headers["x-user"] != BOB and self.two:  # she writes after him
            await asyncio.wait_for(self.his.wait(), 10)
        await self.call(path.write_bytes, await request.body())
        if request.headers["x-user"] == BOB and self.two:  # he has to wait until she has written
            self.his.set()
            await asyncio.wait_for(self.written.wait(), 10)
        self.written.set()
        return PlainTextResponse((await self.call(path.read_text)).upper())

    async def convert(self, request: Any) -> PlainTextResponse:
        return await self.converted(self.folder / "payslip.txt", request)

    async def own_name(self, request: Any) -> PlainTextResponse:
        return await self.converted(self.folder / f"{request.headers['x-user']}.txt", request)

    async def note(self, request: Any) -> PlainTextResponse:
        """Everybody's notes, in one file that is read, added to, written and read again."""
        path = self.folder / "notes.json"
        notes = json.loads(path.read_text()) if path.exists() else []
        path.write_text(json.dumps([*notes, (await request.body()).decode()]))
        return await self.converted_again(path, request)

    async def converted_again(self, path: Path, request: Any) -> PlainTextResponse:
        if request.headers["x-user"] == BOB:
            await asyncio.wait_for(self.written.wait(), 10)
        self.written.set()
        return PlainTextResponse(path.read_text())

    async def keep(self, request: Any) -> JSONResponse:
        (self.folder / "page.txt").write_text(f"by {request.headers['x-user']}")
        return JSONResponse({})

    async def page(self, _request: Any) -> PlainTextResponse:
        return PlainTextResponse((self.folder / "page.txt").read_text())


async def ask(app: Any, user: str, path: str, body: bytes = b"") -> str:
    got: list[bytes] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/{path}",
        "query_string": b"",
        "headers": [(b"x-user", user.encode())],
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        got.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(got).decode()


def audited(scenario: Any) -> tuple[Any, list[Any]]:
    with Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:
        result = asyncio.run(scenario())
        found = [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule != "IA904"]
    assert auditor.runtime.barrier.counts == {}
    return result, found


def both(site: Site, path: str) -> tuple[Any, list[Any]]:
    async def scenario() -> Any:
        return await asyncio.gather(
            ask(site.app, BOB, path, b"salary 2,100"), ask(site.app, ALICE, path, b"salary 7,900")
        )

    return audited(scenario)


@pytest.mark.parametrize("threaded", [False, True])
def test_a_file_under_the_clients_name_for_it(tmp_path, threaded) -> None:
    answers, found = both(Site(tmp_path, threaded=threaded), "convert")
    assert answers == ["SALARY 7,900"] * 2
    (one,) = found
    assert (one.rule, one.severity.value) == ("IA402", "error")
    assert (one.witnesses.ambient, one.witnesses.owner) == (BOB, ALICE)
    assert threaded or one.origin.top.file == __file__


@pytest.mark.parametrize("path", ["own_name", "note"])
def test_files_of_ones_own_and_stores_for_all(tmp_path, path) -> None:
    answers, found = both(Site(tmp_path), path)
    assert "2,100" in answers[0]
    assert found == []


def test_what_is_read_of_a_file_is_an_input(tmp_path) -> None:
    site = Site(tmp_path)

    async def scenario() -> Any:
        await ask(site.app, ALICE, "keep")
        return await ask(site.app, BOB, "page")

    answer, found = audited(scenario)
    assert answer == f"by {ALICE}"
    assert [(one.rule, one.severity.value) for one in found] == [("IA209", "note")]
    assert "a file" in found[0].witnesses.provenance


LIBRARY = "/venv/lib/python3.11/site-packages/whooshing/index.py"
"""A search index: it reads its own file at each use, and gives what was asked for."""


def searching(file: str) -> Any:
    module: dict[str, Any] = {}
    exec(
        compile("def search(path):\n    with open(path, 'rb') as file:\n        return file.read()", file, "exec"),
        module,
    )
    return module["search"]


@pytest.mark.parametrize(
    ("opener", "content", "found"),
    [
        (LIBRARY, b"\0index\0" + ALICE.encode(), ("IA203", "warning")),
        (LIBRARY, ALICE.encode(), ("IA209", "note")),
        ("/srv/app/store.py", b"\0pickle\0" + ALICE.encode(), ("IA209", "note")),
    ],
    ids=["a library's own", "a text", "the application's own"],
)
def test_a_library_s_own_file_of_everybody_explains_nobody(tmp_path, opener, content, found) -> None:
    (tmp_path / "index.seg").write_bytes(content)
    search, last = searching(opener), [""]

    async def view(request: Any) -> PlainTextResponse:
        search(str(tmp_path / "index.seg"))
        before, last[0] = last[0], request.headers["x-user"]
        return PlainTextResponse(f"after {before}")

    app = Starlette(routes=[Route("/view", view, methods=["POST"])])

    async def scenario() -> Any:
        await ask(app, ALICE, "view")
        return await ask(app, BOB, "view")

    answer, told = audited(scenario)
    assert answer == f"after {ALICE}"
    assert [(one.rule, one.severity.value) for one in told] == [found]
    assert found[0] != "IA203" or "a library's own file" in told[0].witnesses.provenance


HASHED = "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("htpasswd", f"# who may come\n{BOB}:{HASHED}\n{ALICE}:{HASHED}\n", ("IA203", "error")),
        ("users", f"{BOB}:desk:{'0f' * 16}\n{ALICE}:desk:{'1e' * 16}\n", ("IA203", "error")),
        ("passwords.txt", f"{BOB}:correct horse\n{ALICE}:battery\n", ("IA203", "error")),
        ("themes", f"{BOB}:dark\n{ALICE}:light\n", ("IA209", "note")),
        ("passwords.txt", f"one of them is {ALICE}: ask\n", ("IA209", "note")),
    ],
)
def test_a_file_of_passwords_explains_nobody(tmp_path, name, content, found) -> None:
    """It is read to see who comes, and has everybody in it."""
    (tmp_path / name).write_text(content)
    last = [""]

    async def view(request: Any) -> PlainTextResponse:
        (tmp_path / name).read_text()
        before, last[0] = last[0], request.headers["x-user"]
        return PlainTextResponse(f"after {before}")

    app = Starlette(routes=[Route("/view", view, methods=["POST"])])

    async def scenario() -> Any:
        await ask(app, ALICE, "view")
        return await ask(app, BOB, "view")

    answer, told = audited(scenario)
    assert answer == f"after {ALICE}"
    assert [(one.rule, one.severity.value) for one in told] == [found]


def test_after_the_audit_everything_that_opens_is_what_it_was(tmp_path) -> None:
    before = (builtins.open, io.open, os.open, sys.getprofile())
    both(Site(tmp_path), "own_name")
    assert (builtins.open, io.open, os.open, sys.getprofile()) == before
    assert builtins.open is io.open


@pytest.mark.parametrize("mode", ["r", "rb", "w", "wb", "x", "a", "r+", "w+", "rt", None, 7])
def test_flags_are_those_of_the_mode(tmp_path, mode) -> None:
    asked = flags_of(mode)
    assert bool(asked & os.O_TRUNC) == (mode in {"w", "wb", "x", "w+"})
    assert bool(asked & (os.O_WRONLY | os.O_RDWR)) == (mode in {"w", "wb", "x", "a", "r+", "w+"})


def test_open_is_open_while_it_is_watched(tmp_path) -> None:
    class Other:
        def __fspath__(self) -> str:
            return str(tmp_path / "other")

    class Holder:
        opener = open

    with Auditor(Config(report=model.Report(terminal=False))) as auditor:
        with open(Other(), "w", encoding="utf-8") as file:  # noqa: PTH123 - this is what is tried
            file.write("x")
        with Holder().opener(Other()) as file:
            assert file.read() == "x"
        with pytest.raises(FileNotFoundError):
            open(tmp_path / "missing")  # noqa: PTH123, SIM115
        with pytest.raises(TypeError):
            open()  # noqa: PTH123, SIM115
        with pytest.raises(TypeError):
            os.open(tmp_path)
        assert isinstance(open, types.BuiltinFunctionType)
        assert str(inspect.signature(open)).startswith("(file, mode='r'")
        assert builtins.open is io.open
        assert pickle.loads(pickle.dumps(open)) is open
        assert auditor.runtime.barrier.counts == {}
