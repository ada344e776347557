"""No tuple of ours is filled while other code runs: whoever lists all objects meanwhile makes that a SystemError.

CPython makes the tuple of ``tuple(generator)``, and that of ``call(*generator)``, before it has the items, and raises
``SystemError`` at the end if anybody else holds it: a profiler, a test that looks for leaks, a page of a debugger.
"""

from __future__ import annotations

import ast
import asyncio
import gc
import re
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import isolation_audit
from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(isolation_audit.__file__).parent
LAZY = {"map", "filter", "filterfalse", "zip", "chain", "from_iterable", "islice", "starmap", "enumerate", "takewhile"}

CANDIDATE = re.compile(r"\btuple\(|\(\*[\w.]*\(|\(\*\w+\)")
DEFINED = re.compile(r"\bdef (\w+)\(")
OTHERS = {"items", "values", "keys", "__iter__"}
"""Names that dictionaries have as well."""

MANY = 500
"""So many young objects are told to the collector, which takes them out of the list of such: the next one is short."""

APPLICATION = """\
import asyncio
import functools
from contextvars import ContextVar

user = ContextVar("user", default=None)

class Context:
    def __init__(self, user_id):
        self.user_id = user_id

class Engine:
    def __init__(self, context):
        self.context = context

    def work(self):
        return cached(1)

class OldEngine(Engine):
    pass

class Factory:
    def make(self, context):
        return Engine(context)

class Emitter:
    def __init__(self, context):
        self.context = context

    def send(self, user_id, kind, data):
        return kind

@functools.lru_cache
def cached(number):
    return user.get()

def cross():
    alice, bob = Context("alice-1"), Context("bob-2")
    engine, emitter = Engine(alice), Emitter(alice)
    token = user.set("bob-2")
    try:
        engine.work()
        emitter.send("bob-2", "answer", {"for": "alice-1"})
        OldEngine(bob)
        Factory().make(bob)
    finally:
        user.reset(token)

async def serve():
    await asyncio.gather(*[asyncio.to_thread(cross) for _ in range(2)])
"""

CONFIG = """\
[ambient]
contextvar = "{name}:user"
[[engines]]
target = "{name}:Engine"
owner = "args.context.user_id"
[[deprecations]]
target = "{name}:OldEngine"
replacement = "{name}:Engine"
[[factories]]
target = "{name}:Factory.make"
builds = "{name}:Engine"
canonical = true
[[emitters]]
target = "{name}:Emitter"
owner = "self.context.user_id"
addressee = "args.user_id"
methods = {{ send = "args.kind" }}
payload = "args.data"
"""


def lazily_filled(text: str, generators: set[str]) -> Iterator[int]:
    """Lines where an iterator that runs code becomes a tuple: ``tuple(it)``, or ``call(*it)`` of nothing else."""
    if CANDIDATE.search(text) is None:
        return
    nodes = list(ast.walk(ast.parse(text)))
    later = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.GeneratorExp)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="tuple"), args=[ast.expr() as source]):
                pass
            case ast.Call(args=[ast.Starred(value=source)]):
                pass
            case _:
                continue
        match source:
            case ast.GeneratorExp():
                yield node.lineno
            case ast.Name(id=name) if name in later:
                yield node.lineno
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in LAZY | generators:
                yield node.lineno


def of_generators(text: str) -> set[str]:
    """Names of the functions that are generators, as far as text tells: the last ``def`` before a ``yield``."""
    return {DEFINED.findall(before)[-1] for before in text.split("yield ")[:-1] if DEFINED.search(before)} - OTHERS


@pytest.mark.once
def test_no_source_of_ours_fills_a_tuple_lazily() -> None:
    texts = {file: file.read_text(encoding="utf-8") for file in SOURCES.rglob("*.py")}
    generators = set().union(*[of_generators(text) for text in texts.values()])
    assert [f"{file.name}:{line}" for file, text in texts.items() for line in lazily_filled(text, generators)] == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("tuple(x for x in y)", [1]),
        ("f(*map(str, y))", [1]),
        ("def g():\n    yield 1\ntuple(g())", [3]),
        ("later = (x for x in y)\ntuple(later)", [2]),
        ("tuple([x for x in y])\n(*map(str, y),)\nf(1, *map(str, y))\nf(*[x for x in y])", []),
    ],
)
def test_the_check_knows_such_tuples(source: str, lines: list[int]) -> None:
    assert list(lazily_filled(source, of_generators(source))) == lines


@contextmanager
def all_objects_are_held() -> Iterator[None]:
    """At each call and return of any function, somebody lists the objects that were made lately, and keeps the list."""
    held: list[Any] = []

    def hold(*_told: Any) -> None:
        held[:] = [gc.get_objects(0)]
        if len(held[0]) > MANY:
            held.clear()
            gc.collect(0)

    gc.collect()
    thresholds = gc.get_threshold()
    gc.set_threshold(1_000_000)
    threading.setprofile(hold)
    sys.setprofile(hold)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
        gc.set_threshold(*thresholds)


def is_harmful() -> bool:
    """Not by pytest.raises, which fills a tuple of its own."""
    try:
        tuple(one for one in range(3))
    except SystemError:
        return True
    return False


def test_an_audit_goes_on_where_somebody_lists_all_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "application_with_filled_tuples"
    (tmp_path / f"{name}.py").write_text(APPLICATION)
    (tmp_path / "isolation-audit.toml").write_text(CONFIG.format(name=name))
    monkeypatch.syspath_prepend(str(tmp_path))
    auditor = Auditor(load_config(tmp_path / "isolation-audit.toml"))
    auditor.start()
    try:
        application = __import__(name)
        with all_objects_are_held():
            harmful = is_harmful()
            asyncio.run(application.serve())
            auditor.instrumentation.refresh()
            auditor.runtime.tally.activity()
    finally:
        auditor.stop()
        sys.modules.pop(name, None)
    assert harmful
    assert dict(auditor.runtime.barrier.counts) == {}
    found = Counter(entry.finding.rule for entry in auditor.recorder.entries())
    assert set(found) >= {"IA101", "IA106", "IA201", "IA202"}
