"""``explain`` and ``why-not``, from the terminal, on what an audited program has left."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from doors import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import asyncio
import sqlite3

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

db = sqlite3.connect(":memory:")
db.execute("CREATE TABLE notes (who)")
last = {}

async def note(request):
    last["user"] = request.headers["x-user"]
    db.execute("INSERT INTO notes VALUES (?)", [last["user"]])
    return JSONResponse({})

async def leak(request):
    return JSONResponse({"owner": last["user"]})

async def rows(request):
    return JSONResponse({"owners": [who for (who,) in db.execute("SELECT who FROM notes").fetchall()]})

async def echo(request):
    return JSONResponse({"to": request.query_params["to"]})

app = Starlette(routes=[Route("/" + view.__name__, view) for view in (note, leak, rows, echo)])

async def ask(user, path, query=b""):
    headers = [(b"x-user", user.encode())]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": headers}
    async def receive():
        return {"type": "http.request", "body": b""}
    async def send(message):
        pass
    await app(scope, receive, send)

for asked in [("bob", "/note"), ("alice", "/note"), ("bob", "/leak"), ("bob", "/rows"), ("bob", "/rows")]:
    asyncio.run(ask(asked[0] + ".example", asked[1]))
asyncio.run(ask("bob.example", "/echo", b"to=alice.example&then=alice.example"))
"""


def audit(folder: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "isolation_audit", *words],
        cwd=folder,
        env=clean_environment(PYTHONWARNINGS="ignore"),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("explained")
    (made / "program.py").write_text(PROGRAM)
    audit(made, "run", "--raw-ids", "--report", "out", "--", "program.py")
    return made


def fingerprints(folder: Path) -> dict[str, str]:
    report = json.loads((folder / "out" / "report.json").read_text())
    return {one["route"]: one["fingerprint"] for one in report["findings"] if one["rule"] in {"IA203", "IA209"}}


def test_a_finding_is_explained(folder: Path) -> None:
    told = audit(folder, "explain", fingerprints(folder)["/leak"][:12], "out")
    assert "IA203" in told
    assert "looked at: the request" in told
    assert "an input of this unit of work that names alice.example" in told
    assert "last seen coming in" in told
    assert "in the work of alice.example:" in told
    assert "GET /note, with the request" in told


def test_so_is_a_note(folder: Path) -> None:
    told = audit(folder, "explain", fingerprints(folder)["/rows"], "out")
    assert "rows of a database" in told.partition("looked at:")[2].splitlines()[0]
    assert "whether its user may see that" in told


def test_a_fingerprint_that_is_none(folder: Path) -> None:
    assert "no finding(s)" in audit(folder, "explain", "ffffffffffffffff", "out", code=2)
    assert "2 finding(s)" in audit(folder, "explain", "", "out", code=2)


def test_why_an_exit_is_no_finding(folder: Path) -> None:
    told = audit(folder, "why-not", "/rows", "out")
    assert told.splitlines()[0] == "GET /rows"
    assert told.splitlines()[1].split()[:2] == ["2", "queried"]
    assert json.loads(audit(folder, "why-not", "/leak", "out", "--json")) == {"GET /leak": {"memory": 1}}
    assert set(json.loads(audit(folder, "why-not", "", "out", "--json"))) == {"GET /rows", "GET /leak"}
    assert "nothing had to be judged" in audit(folder, "why-not", "/echo", "out")
