"""Two services as processes of their own: the first asks the second with httpx, requests or aiohttp."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.model.pseudonyms import KEY_VARIABLE, Pseudonyms
from receivers import answers, free_port, running, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "a key that is made for tests"
PSEUDONYMS = Pseudonyms(key=KEY)

BILLING = """
import sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

def invoices(request):
    return JSONResponse(request.headers.get("baggage"))

def moved(request):
    return RedirectResponse(request.query_params["to"])

app = Starlette(routes=[Route("/invoices/{number}", invoices), Route("/moved", moved)])
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""

FRONT = """
import asyncio, json, sys
from isolation_audit import system_scope, user_scope
library, url, foreign = sys.argv[1:4]

if library == "httpx":
    import httpx
    client = httpx.Client(follow_redirects=True)
    def ask(url, **headers):
        return client.get(url, headers=headers).json()
elif library == "requests":
    import requests
    session = requests.Session()
    def ask(url, **headers):
        return session.get(url, headers=headers).json()
else:
    import aiohttp
    async def _ask(url, headers):
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
            return await response.json()
    def ask(url, **headers):
        return asyncio.run(_ask(url, headers))

said = {}
for user, login in json.loads(sys.argv[4]):
    with user_scope(user):
        said[f"{user} as {login}"] = ask(f"{url}/invoices/7", **{"x-user": login})
with user_scope("alice"):
    said["own"] = ask(f"{url}/invoices/7", baggage="k=v", **{"x-user": "alice"})
    said["foreign"] = ask(f"{foreign}/invoices/7")
    said["foreign with its own"] = ask(f"{foreign}/invoices/7", baggage="k=v")
    said["redirected"] = ask(f"{url}/moved?to={foreign}/invoices/7", **{"x-user": "alice"})
said["nobody"] = ask(f"{url}/invoices/7")
with system_scope():
    said["system"] = ask(f"{url}/invoices/7")
print(json.dumps(said))
"""


class Services:
    """The second service, and a stranger's; :meth:`front` runs the first one."""

    def __init__(self, folder: Path, billing: subprocess.Popen[bytes], url: str, foreign: str) -> None:
        self._folder = folder
        self._billing = billing
        self._url = url
        self._foreign = foreign

    def front(self, library: str, *visits: tuple[str, str]) -> dict[str, Any]:
        """What the services were sent as ``baggage``."""
        script, config = self._folder / "front.py", self._folder / "front.toml"
        script.write_text(FRONT)
        config.write_text('[baggage]\nhosts = ["localhost"]\n\n[report]\nterminal = false\n')
        command = [sys.executable, "-m", "isolation_audit", "run", "--config", str(config), "--", sys.executable]
        command += [str(script), library, self._url, self._foreign, json.dumps(visits)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280, env=environment(), check=False)
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def report(self) -> dict[str, Any]:
        """What the second service's audit has found; it is ended for that."""
        self._billing.terminate()
        self._billing.wait(60)
        made: dict[str, Any] = json.loads((self._folder / "report" / "report.json").read_text())
        return made

    def found(self) -> list[dict[str, Any]]:
        """The findings of this rule."""
        return [one for one in self.report()["findings"] if one["rule"] == "IA211"]


def environment() -> dict[str, str]:
    return {**os.environ, KEY_VARIABLE: KEY}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    script, config = tmp_path / "billing.py", tmp_path / "billing.toml"
    script.write_text(BILLING)
    config.write_text(
        '[baggage]\naccept = true\n\n[identity]\nheaders = ["x-user"]\n\n'
        f'[report]\nterminal = false\ndirectory = "{tmp_path / "report"}"\n'
    )
    port, other = free_port(), free_port()
    audited = [sys.executable, "-m", "isolation_audit", "run", "--config", str(config), "--", sys.executable]
    audited += [str(script), str(port)]
    bare = [sys.executable, str(script), str(other)]
    with (
        running(audited, tmp_path / "billing.log", env=environment()) as billing,
        running(bare, tmp_path / "foreign.log"),
    ):
        for one in (port, other):
            wait_for(lambda one=one: answers(f"http://127.0.0.1:{one}/invoices/1"), "a service to answer")
        yield Services(tmp_path, billing, f"http://localhost:{port}", f"http://127.0.0.1:{other}")


@pytest.mark.server
def test_a_login_of_another_is_told_where_it_arrives(services: Services) -> None:
    alice, bob = (f"isolation_audit.user={PSEUDONYMS.hash(user)}" for user in ("alice", "bob"))
    expected = {
        "alice as alice": alice,
        "bob as bob": bob,
        "bob as alice": bob,
        "own": f"k=v,{alice}",
        "foreign": None,
        "foreign with its own": "k=v",
        "redirected": None,
        "nobody": None,
        "system": None,
    }
    for library in ("httpx", "requests", "aiohttp"):
        assert services.front(library, ("alice", "alice"), ("bob", "bob"), ("bob", "alice")) == expected, library
    (finding,) = services.found()
    assert (finding["severity"], finding["route"], finding["method"]) == ("error", "/invoices/{number}", "GET")
    assert finding["site"]["function"] == "invoices"
    assert finding["witnesses"]["ambient"] == "user-" + PSEUDONYMS.hash("alice")
    assert finding["witnesses"]["owner"] == "user-" + PSEUDONYMS.hash("bob")


@pytest.mark.server
def test_a_service_that_asks_in_its_own_name_is_no_user(services: Services) -> None:
    """Nor is a person whom the two services know by different names."""
    services.front("httpx", ("alice", "front-service"), ("bob", "front-service"), ("carol", "4711"), ("dave", "dave"))
    assert services.found() == []
