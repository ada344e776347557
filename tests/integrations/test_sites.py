"""Real applications on real servers, with no word in the configuration about who their users are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from doors import clean_environment

SITES = Path(__file__).with_name("sites")

CONFIG = '[[engines]]\ntarget = "assistant:Assistant"\n'

FLASK = [answer for user in "12" for answer in ([False, None], user, user, [True, user], None, 401)]
DJANGO = [
    answer
    for user in ("alice", "bob")
    for answer in ([None, False, None], user, [user, True, user], user, None, [None, False, None])
]
TOKENS = (["alice", "bob", 401, "alice"], ("alice", "bob"))
AIOHTTP = ([[None, None], ["alice", "alice"], [None, None], ["bob", "bob"]], ("alice", "bob"))
MEMBERS = (
    [
        *[401, "gateway-7", "alice@example.com", "alice@example.com"],
        *[401, None, "bob@example.com", "bob@example.com"],
        None,
    ],
    ("alice@example.com", "bob@example.com"),
)

EXPECTED = {
    "fastapi_headers": (["alice", "alice", "bob", "bob", None, ["alice", "bob"]], ("alice", "bob")),
    "starlette_login": ([None, "alice", None, "bob"], ("alice", "bob")),
    **{f"fastapi_token {library}": TOKENS for library in ("pyjwt", "jose", "authlib", "joserfc")},
    **{f"aiohttp_site {told}": AIOHTTP for told in ("headers", "middleware", "session", "security")},
    **{f"fastapi_users_site {tokens}": MEMBERS for tokens in ("signed", "opaque")},
    "starlette_session": (
        [None, "alice@example.com", "alice@example.com", None, "bob@example.com", "bob@example.com"],
        ("alice@example.com", "bob@example.com"),
    ),
    "flask_token": ([401, "alice", 401, "bob"], ("alice", "bob")),
    **{f"django_noted {noted}": ([["alice"], ["bob"], 401], ("alice", "bob")) for noted in ("middleware", "auth")},
    "rest_token": ([["alice"], ["bob"], 401, [None]], ("alice", "bob")),
    "wsgi_bare": ([["alice", "alice"], ["bob", "bob"], [None, None]], ("alice", "bob")),
    "flask_site": (FLASK, ("1", "2")),
    "flask_session": ([["1", "1"], ["2", "2"], None], ("1", "2")),
    "rest_site": ([["alice"], ["bob"], 403, [None]], ("alice", "bob")),
    "django_site": (DJANGO, ("alice", "bob")),
    "django_site asgi": (DJANGO, ("alice", "bob")),
}
"""What the clients of each site see, in its order, and the users of its bad twin's one finding."""


def serve(site: str, folder: Path, *words: str, config: str = CONFIG):
    """Run a site under the auditor; gives what its clients saw, and the findings."""
    (folder / "isolation-audit.toml").write_text(config)
    name, *more = site.split()
    done = subprocess.run(
        [sys.executable, "-m", "isolation_audit", "run", "--raw-ids", "--report", "out", "--",
         str(SITES / f"{name}.py"), *more, *words],
        cwd=folder,
        env={**clean_environment(), "PYTHONWARNINGS": "ignore", "PYTHONPATH": os.pathsep.join([str(SITES)])},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "out" / "report.json").read_text())
    assert report["summary"]["faults"] == 0
    if "detect = []" not in config:
        assert report["summary"]["requests"] > report["summary"]["requests_named"] > 0
    return json.loads(done.stdout.splitlines()[-1]), report["findings"]


@pytest.mark.parametrize("site", EXPECTED)
def test_what_is_used_for_two_users_is_found_with_the_names_of_both(site, tmp_path):
    seen, findings = serve(site, tmp_path, "bad")
    expected, users = EXPECTED[site]
    assert seen == expected
    assert [(one["rule"], one["witnesses"]["owner"], one["witnesses"]["ambient"]) for one in findings] == [
        ("IA201", *users)
    ]


@pytest.mark.parametrize("site", EXPECTED)
def test_the_clean_twin_is_silent_and_its_users_are_known_all_the_same(site, tmp_path):
    seen, findings = serve(site, tmp_path)
    assert seen == EXPECTED[site][0]
    assert findings == []


@pytest.mark.parametrize("site", ["fastapi_headers", "django_site"])
def test_switched_off_nobody_is_known(site, tmp_path):
    seen, findings = serve(site, tmp_path, "bad", config=f"{CONFIG}[identity]\ndetect = []\n")
    assert "alice" not in json.dumps(seen)
    assert [finding["rule"] for finding in findings] == ["IA904"], "that nobody is known is told"


FIRST_MEETING = """
import asyncio
import sys
import threading
import time

import uvicorn
from assistant import Browser
from fastapi import FastAPI, Request

app = FastAPI()
asked = {}


@app.get("/ask")
async def ask(request: Request):
    user = request.headers["x-user"]
    asked["last"] = user
    while len(asked) < 2:
        await asyncio.sleep(0.01)
    return {"to": asked["last"] if "bad" in sys.argv else user}


@app.get("/second")
async def second(request: Request):
    asked["last"] = request.headers["x-user"]
    asked["second"] = True
    await asyncio.sleep(0.5)
    return "done"


server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
browser = Browser(server.servers[0].sockets[0].getsockname()[1])
other = threading.Timer(0.3, browser.get, ("/second",), {"X-User": "bob"})
other.start()
print(browser.get("/ask", **{"X-User": "alice"})["to"])
other.join()
server.should_exit = True
thread.join()
"""


@pytest.mark.parametrize(("words", "users"), [(("bad",), [("alice", "bob")]), ((), [])])
def test_a_users_first_request_is_still_running_when_another_ones_answer_names_them(words, users, tmp_path):
    (tmp_path / "meeting.py").write_text(FIRST_MEETING)
    done = subprocess.run(
        [sys.executable, "-m", "isolation_audit", "run", "--raw-ids", "--report", "out", "--", "meeting.py", *words],
        cwd=tmp_path,
        env={**clean_environment(), "PYTHONWARNINGS": "ignore", "PYTHONPATH": str(SITES)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "bob\n" if words else "alice\n"), done.stderr
    findings = json.loads((tmp_path / "out" / "report.json").read_text())["findings"]
    assert [(one["witnesses"]["ambient"], one["witnesses"]["content"]) for one in findings] == users
