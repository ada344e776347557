"""Files that are kept for each user, opened by a name that another request has left in a global."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

APP = """
import json
from pathlib import Path
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

root, latest = Path(), {}

def remember(request):
    latest["user"] = request.headers["x-user"]

def profile(user):
    return json.loads((root / "profiles" / f"{user}.json").read_text())

async def hello(request):
    remember(request)
    return JSONResponse({})

async def last(request):
    return JSONResponse(profile(latest["user"]))

async def report(request):
    return PlainTextResponse((root / latest["user"] / "report.txt").read_text())

async def own(request):
    remember(request)
    return JSONResponse(profile(request.headers["x-user"]))

async def asked(request):
    return JSONResponse(profile(request.path_params["user"]))

async def everybody(request):
    return JSONResponse([json.loads(one.read_text()) for one in sorted((root / "profiles").iterdir())])

async def only(request):
    return PlainTextResponse((root / "guides" / f"{latest['user']}.txt").read_text())

async def counted(request):
    return PlainTextResponse((root / latest["user"] / "counted.txt").read_text()[:2])

VIEWS = [hello, last, report, own, everybody, only, counted]
app = Starlette(routes=[
    *(Route(f"/{one.__name__}", one) for one in VIEWS), Route("/asked/{user}", asked)
])
"""
ALICE, BOB = "alice.liddell", "bob.builder"


@pytest.fixture
def site(load_app: Callable[[str], Any], tmp_path: Path) -> Any:
    module = load_app(APP)
    module.root = tmp_path
    (tmp_path / "profiles").mkdir()
    (tmp_path / "guides").mkdir()
    for user, text in ((ALICE, "waiting for a new kidney"), (BOB, "climbs on weekends")):
        (tmp_path / "profiles" / f"{user}.json").write_text(f'{{"about": "{text}"}}')
        (tmp_path / user).mkdir()
        (tmp_path / user / "report.txt").write_text(f"Report\n{text}\n")
        (tmp_path / user / "counted.txt").write_text("17 of them")
    (tmp_path / "guides" / f"{ALICE}.txt").write_text("how the rabbit got down the hole")
    return module.app


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/last", True),
        ("/report", True),
        ("/own", False),
        (f"/asked/{ALICE}", False),
        ("/everybody", False),
        ("/only", False),
        ("/counted", False),
    ],
)
def test_the_file_of_whoever_came_last(site: Any, path: str, found: bool) -> None:
    from starlette.testclient import TestClient

    with Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:
        for user, asked in ((BOB, "/own"), (ALICE, "/own"), (BOB, path)):
            assert TestClient(site).get(asked, headers={"x-user": user}).status_code == 200
        every = [entry.finding for entry in auditor.recorder.entries()]
    assert auditor.runtime.barrier.counts == {}
    told = [
        (one.rule, one.severity.value, one.witnesses.ambient, one.witnesses.content)
        for one in every
        if one.rule != "IA904" and one.severity.value != "note"
    ]
    assert told == ([("IA203", "warning", BOB, ALICE)] if found else [])
