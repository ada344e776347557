"""Depth ``heap``: canaries that stay when a user's work is over, and what two users' engines both lead to."""

import importlib
import itertools
import os
import sys
import textwrap

import pytest

from isolation_audit import canary, user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.rules.reachable import walks

_numbers = itertools.count()
ENGINES = '[[engines]]\ntarget = "{app}:Engine"\nowner = "args.user"\n'


@pytest.fixture
def walked(tmp_path, monkeypatch):
    """Has ``handle(user, canary)`` of a source called for two users; gives the findings of walks, and the auditor."""
    monkeypatch.syspath_prepend(tmp_path)

    def run(source, more="", users=("alice", "bob")):
        name = f"heap_app_{os.getpid()}_{next(_numbers)}"
        tmp_path.joinpath(f"{name}.py").write_text(textwrap.dedent(source))
        config = tmp_path / "isolation-audit.toml"
        config.write_text(more.format(app=name) + '\n[audit]\ndepth = "heap"\n')
        try:
            with Auditor(load_config(config)) as auditor:
                handle = importlib.import_module(name).handle
                for user in users:
                    with user_scope(user):
                        handle(user, canary(f"{user}"))
                auditor.settle()
        finally:
            sys.modules.pop(name, None)
        assert auditor.runtime.barrier.counts == {}
        findings = [entry.finding for entry in auditor.recorder.entries()]
        return [one for one in findings if one.rule in ("IA401", "IA403")], auditor

    return run


LEFT = {
    "global": ("last = None\ndef handle(user, text):\n  global last\n  last = text", ".last"),
    "attribute": (
        "class A: kept = None\na = A()\ndef handle(user, text): a.kept = text",
        ".a.kept",
    ),
    "attribute of a class": ("class A: kept = []\ndef handle(user, text): A.kept.append(text)", ".A.kept[0]"),
    "closure": (
        "def make():\n kept = []\n def handle(user, text): kept.append(text)\n return handle\nhandle = make()",
        ".handle.<kept>[0]",
    ),
    "default argument": ("def handle(user, text, kept=[]): kept.append(text)", ".handle(kept=...)[0]"),
    "cache": (
        "import functools\n@functools.lru_cache\ndef f(t): return {'found': t}\ndef handle(user, text): f(text)",
        ".f",
    ),
    "queue": ("import queue\nq = queue.Queue()\ndef handle(user, text): q.put(text)", ".q.queue[0]"),
    "thread local": (
        "import threading\nt = threading.local()\ndef handle(user, text): t.kept = text",
        ".t.kept",
    ),
    "default of a context variable": (
        "import contextvars\nv = contextvars.ContextVar('v', default=[])\ndef handle(user, text): v.get().append(text)",
        ".v.get()[0]",
    ),
}


@pytest.mark.parametrize("place", LEFT)
def test_a_canary_that_stays_is_found(walked, place):
    source, path = LEFT[place]
    findings, auditor = walked(source)
    found = [one for one in findings if one.rule == "IA403"]
    assert found
    assert path in found[0].message
    assert "canary-" not in found[0].message
    assert found[0].diagram.startswith("graph LR\n  n0[")
    assert auditor.snapshot()["coverage"]["heap"]["partial"] == 0


SILENT = {
    "kept by user": "kept = {}\ndef handle(user, text): kept[user] = {'text': text}",
    "under a key that names the user": "kept = {}\ndef handle(user, text): kept[f'session:{user}'] = [text]",
    "in a record of the user's": (
        "class Message:\n def __init__(self, author, text): self.author, self.text = author, text\n"
        "messages = []\ndef handle(user, text): messages.append(Message(user, [text]))"
    ),
    "taken away": "kept = []\ndef handle(user, text):\n  kept.append(text)\n  kept.clear()",
    "its length": "kept = []\ndef handle(user, text): kept.append(len(text))",
    "weak": (
        "import weakref\nclass A: pass\nkept = weakref.WeakSet()\n"
        "def handle(user, text):\n  a = A()\n  a.text = text\n  kept.add(a)"
    ),
}


@pytest.mark.parametrize("place", SILENT)
def test_what_is_kept_by_user_or_not_at_all_is_silent(walked, place):
    findings, auditor = walked(SILENT[place])
    assert findings == []
    assert auditor.snapshot()["coverage"]["heap"]["walks"] > 0


def test_state_that_is_shared_by_design_can_be_said(walked):
    allowed = '[[shared]]\ntarget = "{app}:last"\npolicy = "allow"\nreason = "the same for all"\n'
    assert walked(LEFT["global"][0], allowed)[0] == []


def test_nothing_is_walked_without_canaries_and_engines(walked):
    findings, auditor = walked("kept = []\ndef handle(user, text): kept.append(user)", users=())
    assert (findings, auditor.snapshot()["coverage"]["heap"]["walks"]) == ([], 0)


def test_a_walk_that_comes_to_the_end_of_its_budget_says_so(walked, monkeypatch):
    monkeypatch.setattr(walks, "_LARGEST", 0)
    _findings, auditor = walked(LEFT["global"][0])
    heap = auditor.snapshot()["coverage"]["heap"]
    assert heap["partial"] == heap["walks"] > 0


ENGINE = """
    class Engine:
        {shared}
        def __init__(self, user, kept=[]):
            self.user = user
            {own}

    engines = {{}}

    def handle(user, text):
        engine = engines.setdefault(user, Engine(user))
        {stores}
    """


@pytest.mark.parametrize(
    ("shared", "own", "stores", "path"),
    [
        ("pass", "self.kept = kept", "engine.kept.append(text)", "Engine.kept"),
        ("kept = []", "pass", "engine.kept.append({'text': text})", "Engine.kept"),
        ("log = []", "self.memory = {'log': self.log}", "engine.memory['log'].append(text)", "Engine."),
    ],
)
def test_what_two_engines_lead_to_is_found(walked, shared, own, stores, path):
    findings, _auditor = walked(ENGINE.format(shared=shared, own=own, stores=stores), ENGINES)
    found = [one for one in findings if one.rule == "IA401"]
    assert found
    assert path in found[0].message
    assert found[0].severity.value == "error"


@pytest.mark.parametrize(
    ("shared", "own", "stores"),
    [
        ("pass", "self.kept = list(kept)", "engine.kept.append(text)"),
        ("store = {}", "self.store = self.store", "engine.store[user] = text"),
        ("store = []", "self.store = self.store", "engine.store.append({'author': user, 'text': text})"),
        ("settings = {'model': 'small'}", "self.settings = self.settings", "pass"),
    ],
)
def test_what_engines_share_by_design_is_silent(walked, shared, own, stores):
    findings, _auditor = walked(ENGINE.format(shared=shared, own=own, stores=stores), ENGINES)
    assert [one for one in findings if one.rule == "IA401"] == []
