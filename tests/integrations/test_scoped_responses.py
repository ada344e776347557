"""A scope on a view: the response that it makes is for the scope's user, and searched like any other result."""

from __future__ import annotations

import json
import subprocess
import sys
from textwrap import dedent
from typing import Any

import pytest

from doors import clean_environment

CONFIG = """\
[report]
terminal = false
raw_ids = true
[integrations]
disable = {disabled}
[[scopes]]
target = "views:detail"
user = ["args.name", "args.request.META['HTTP_X_NAME']", "args.request.query_params['name']"]
[[scopes]]
target = "views:streamed"
user = ["args.name", "args.request.META['HTTP_X_NAME']", "args.request.query_params['name']"]
"""

RUN = """\
import json, sys
import isolation_audit
from isolation_audit import user_scope
auditor = isolation_audit.instrument("isolation-audit.toml")
for name in ("user-alice", "user-bob"):
    with user_scope(name):
        auditor.runtime.ambient.current()
import views
bodies = views.ask(sys.argv[1])
auditor.flush()
found = [
    (one["rule"], one["target"].rpartition(":")[2], one["witnesses"]["ambient"], one["witnesses"]["content"])
    for one in auditor.snapshot()["findings"]
    if one["rule"] == "IA203"
]
counted = auditor.snapshot()["summary"]["crossing_events"]
faults = dict(auditor.runtime.barrier.counts)
print(json.dumps({"found": found, "crossings": counted, "bodies": bodies, "faults": faults}))
"""

DJANGO = """\
import django
from django.conf import settings
settings.configure(SECRET_KEY="k", ALLOWED_HOSTS=["*"], ROOT_URLCONF="views", INSTALLED_APPS=[])
django.setup()
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from django.core.handlers.wsgi import WSGIHandler

held = {"owner": "nobody"}

def detail(request):
    return HttpResponse("for " + held["owner"])

def streamed(request):
    return StreamingHttpResponse(part.encode() for part in ("for ", held["owner"]))

urlpatterns = [path("detail", detail), path("streamed", streamed)]

def ask(kind):
    held["owner"] = "user-bob" if "leak" in kind else "user-alice"
    if "direct" in kind:
        return detail(RequestFactory().get("/detail", HTTP_X_NAME="user-alice")).content.decode()
    if "test client" in kind:
        return Client().get("/detail", HTTP_X_NAME="user-alice").content.decode()
    from wsgiref.util import setup_testing_defaults
    environ = {"PATH_INFO": "/streamed" if "stream" in kind else "/detail", "HTTP_X_NAME": "user-alice"}
    setup_testing_defaults(environ)
    response = WSGIHandler()(environ, lambda status, headers: None)
    return b"".join(response).decode()
"""

FLASK = """\
from flask import Flask, Response, make_response
app = Flask("views")
held = {"owner": "nobody"}

def detail(name):
    return make_response("for " + held["owner"])

def streamed(name):
    return Response(part for part in ("for ", held["owner"]))

app.add_url_rule("/detail", view_func=lambda: detail("user-alice"), endpoint="detail")
app.add_url_rule("/streamed", view_func=lambda: streamed("user-alice"), endpoint="streamed")

def ask(kind):
    held["owner"] = "user-bob" if "leak" in kind else "user-alice"
    if "direct" in kind:
        with app.test_request_context("/"):
            return detail("user-alice").get_data(as_text=True)
    return app.test_client().get("/streamed" if "stream" in kind else "/detail").text
"""

STARLETTE = """\
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
import asyncio
held = {"owner": "nobody"}

async def detail(request):
    return PlainTextResponse("for " + held["owner"])

async def streamed(request):
    async def parts():
        for part in ("for ", held["owner"]):
            yield part
    return StreamingResponse(parts(), media_type="text/plain")

app = Starlette(routes=[Route("/detail", detail), Route("/streamed", streamed)])

def ask(kind):
    held["owner"] = "user-bob" if "leak" in kind else "user-alice"
    sent = []
    async def main():
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "headers": [],
                 "path": "/streamed" if "stream" in kind else "/detail", "query_string": b"name=user-alice"}
        async def receive():
            await asyncio.Event().wait()  # the client stays
        async def send(message):
            sent.append(message.get("body", b""))
        if "direct" in kind:
            from starlette.requests import Request
            sent.append((await detail(Request(scope))).body)
        else:
            await app(scope, receive, send)
    asyncio.run(main())
    return b"".join(sent).decode()
"""


def ask(tmp_path: Any, views: str, kind: str, disabled: tuple[str, ...] = ()) -> dict[str, Any]:
    tmp_path.joinpath("views.py").write_text(dedent(views))
    tmp_path.joinpath("run.py").write_text(RUN)
    tmp_path.joinpath("isolation-audit.toml").write_text(CONFIG.format(disabled=json.dumps(list(disabled))))
    done = subprocess.run(
        [sys.executable, "run.py", kind],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert answer["faults"] == {}
    return answer


CASES = [
    (DJANGO, "leak, served"),
    (DJANGO, "leak, test client"),
    (DJANGO, "leak, direct"),
    (FLASK, "leak, served"),
    (FLASK, "leak, direct"),
    (STARLETTE, "leak, served"),
    (STARLETTE, "leak, streamed"),
    (STARLETTE, "leak, direct"),
]


@pytest.mark.parametrize(("views", "kind"), CASES)
def test_another_user_s_data_in_the_response_of_a_scope(tmp_path: Any, views: str, kind: str) -> None:
    answer = ask(tmp_path, views, kind)
    assert [(rule, ambient, content) for rule, _target, ambient, content in answer["found"]] == [
        ("IA203", "user-alice", "user-bob")
    ]
    assert answer["crossings"] == 1
    assert answer["bodies"] == "for user-bob"


@pytest.mark.parametrize(("views", "kind"), [(views, kind.replace("leak", "clean")) for views, kind in CASES])
def test_the_own_data(tmp_path: Any, views: str, kind: str) -> None:
    answer = ask(tmp_path, views, kind)
    assert (answer["found"], answer["bodies"]) == ([], "for user-alice")


@pytest.mark.parametrize(("views", "library"), [(DJANGO, "django"), (FLASK, "flask")])
def test_a_stream_is_never_consumed(tmp_path: Any, views: str, library: str) -> None:
    assert ask(tmp_path, views, "leak, streamed")["bodies"] == "for user-bob"
    assert ask(tmp_path, views, "leak, streamed", (library,))["bodies"] == "for user-bob"
