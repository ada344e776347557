"""Values of context variables that all requests share: mutable defaults, and what was there when the server started."""

from __future__ import annotations

import sys
import tomllib

import pytest
from auditing import HEAD

from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.rules.context.shared_values import SharedValues

SERVER = """
import threading
from types import SimpleNamespace
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.routing import Route

{declared}
seen = []

class Person:
    def __init__(self, name):
        self.name = name

def note(user):
    {page}

async def page(request):
    await {call}(note, request.headers["x-user"])
    return PlainTextResponse("ok")

async def at_once(function, *args):
    function(*args)

application = Starlette(routes=[Route("/", page)])

async def ask(users):
    for user in users:
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "root_path": ""}
        scope["headers"] = [(b"x-user", user.encode())]
        async def receive():
            return {"type": "http.request", "body": b""}
        async def send(message):
            pass
        await asyncio.create_task(application(scope, receive, send))

async def serve(users):
    {started}
    await ask(users)

def main(users):
    asyncio.run(serve(users))
    return seen
"""

USERS = ("alice.liddell", "bob.builder")


@pytest.fixture
def found_in(load_app):
    """``found_in(declared, page)``: who has read whose, for IA503; no configuration but that ids are shown."""

    def run(declared: str, page: str, started: str = "pass", call: str = "at_once", users: tuple = USERS):
        source = SERVER.replace("{declared}", declared).replace("{page}", page).replace("{started}", started)
        app = load_app(HEAD + source.replace("{call}", call))
        with Auditor(parse_config(tomllib.loads("[report]\nraw_ids = true\n"))) as auditor:
            app.main(users)
        assert auditor.runtime.barrier.counts == {}
        assert sys.getprofile() is None
        every = [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule == "IA503"]
        return {(one.witnesses.owner, one.witnesses.ambient) for one in every}

    return run


BLED = {USERS}
LEAKS = {
    "a list by default": ('notes = ContextVar("notes", default=[])', "notes.get().append('by ' + user)"),
    "a dict by default": ('state = ContextVar("state", default={})', "state.get().setdefault('user', user)"),
    "a set by default": ('known = ContextVar("known", default=set())', "len(known.get()); known.get().add(user)"),
    "records in a list": ('rows = ContextVar("rows", default=[])', "rows.get().append({'owner': user})"),
    "an object by default": (
        'state = ContextVar("state", default=SimpleNamespace(user=None))',
        "state.get().user = state.get().user or user",
    ),
    "an object with another one": (
        'state = ContextVar("state", default=SimpleNamespace(user=None))',
        "state.get().user = state.get().user or Person(user)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("declared", "page"), LEAKS.values(), ids=LEAKS.keys())
def test_the_second_user_s_first_request_reads_what_the_first_one_s_has_changed(found_in, declared, page) -> None:
    assert found_in(declared, page) == BLED


@pytest.mark.parametrize("call", ["run_in_threadpool", "asyncio.to_thread"])
def test_on_a_worker_thread(found_in, call: str) -> None:
    declared, page = LEAKS["a list by default"]
    assert found_in(declared, page, call=call) == BLED


def test_what_was_set_when_the_server_started(found_in) -> None:
    declared, page = 'state = ContextVar("state")', "state.get().setdefault('user', user)"
    assert found_in(declared, page, started="state.set({})") == BLED


CLEAN = {
    "one of its own": ('notes = ContextVar("notes", default=None)', "notes.set([user]); notes.get().append(user)"),
    "set before it is read": ('notes = ContextVar("notes", default=[])', "notes.set([]); notes.get().append(user)"),
    "written over": ('state = ContextVar("state", default={})', "state.get()['user'] = user; seen.append(state.get())"),
    "kept apart by user": (
        'state = ContextVar("state", default={})',
        "seen.append(state.get().get(user)); state.get()[user] = {'name': user}",
    ),
    "that names nobody": ('counts = ContextVar("counts", default={})', "counts.get()['n'] = len(seen)"),
    "inside of words": ('notes = ContextVar("notes", default=[])', "notes.get().append('un' + user + 'ish')"),
    "emptied again": ('notes = ContextVar("notes", default=[])', "notes.get().append(user); notes.get().clear()"),
    "never read by others": (
        'notes = ContextVar("notes", default=[])',
        "user == 'bob.builder' or notes.get().append(user)",
    ),
    "settings": ('settings = ContextVar("settings", default={"admin": "root"})', "settings.get()['admin']"),
}  # fmt: skip


@pytest.mark.parametrize(("declared", "page"), CLEAN.values(), ids=CLEAN.keys())
def test_what_is_not_shared_or_nobody_s_is_silent(found_in, declared, page) -> None:
    assert found_in(declared, page) == set()


@pytest.mark.parametrize(("declared", "page"), LEAKS.values(), ids=LEAKS.keys())
def test_one_user_alone_is_silent(found_in, declared, page) -> None:
    assert found_in(declared, page, users=("alice.liddell",) * 3) == set()


@pytest.mark.parametrize("method", ["_begin", "_end", "touched"])
def test_faults_change_nothing(load_app, monkeypatch, method: str) -> None:
    def broken(*_args: object) -> None:
        raise ArithmeticError("broken on purpose")

    declared, page = LEAKS["a list by default"]
    source = SERVER.replace("{declared}", declared).replace("{page}", page + "; seen.append(user)")
    app = load_app(HEAD + source.replace("{started}", "pass").replace("{call}", "at_once"))
    monkeypatch.setattr(SharedValues, method, broken)
    with Auditor(parse_config({})) as auditor:
        assert app.main(USERS) == list(USERS)
    assert auditor.runtime.barrier.counts
    assert auditor.runtime.tally.requests_named == 2
    sys.setprofile(None)
