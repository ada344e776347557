"""An application with one engine, whose units of work are run by the tests of lifetimes."""

from __future__ import annotations

import gc
import importlib
import sys
import time
import tomllib
from typing import Any

import pytest

import isolation_audit
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.rules.lifetime.lifetimes import Lifetimes

ENGINE = """\
class Context:
    def __init__(self, user_id):
        self.user_id = user_id

class Engine:
    def __init__(self, context):
        self.context = context
        BEGINS(self)

    def ask(self, question=None):
        return question
"""

CONFIG = """\
[[engines]]
target = "{name}:Engine"
owner = "args.context.user_id"

[limits]
grace = "{grace}"
warm_up = "{warm_up}"
"""


class Running:
    """A module with an engine, audited."""

    def __init__(self, folder: Any, name: str, source: str, grace: str, warm_up: str) -> None:
        (folder / f"{name}.py").write_text(source + "\n\n" + ENGINE, encoding="utf-8")
        importlib.invalidate_caches()
        self.name = name
        self.auditor = Auditor(
            parse_config(tomllib.loads(CONFIG.format(name=name, grace=grace, warm_up=warm_up)))
        ).start()
        self.module = importlib.import_module(name)

    def unit(self, call: Any, user: str = "alice") -> None:
        """One unit of work; nothing of it stays in a variable."""
        with isolation_audit.user_scope(user):
            call(self.module.Engine(self.module.Context(user)))

    def found(self, code: str = "IA501") -> list[Any]:
        self.auditor.settle(0.0)
        time.sleep(0.002)  # longer than the grace: what is held by something at work is told after that
        self.auditor.settle(0.0)
        return [entry.finding for entry in self.auditor.recorder.entries() if entry.finding.rule == code]

    def lifetimes(self) -> Lifetimes:
        return self.auditor.runtime.part(Lifetimes)

    def end(self) -> None:
        self.auditor.stop()
        getattr(self.module, "end", int)()
        del sys.modules[self.name]


@pytest.fixture(autouse=True, scope="module")
def _small_heap():
    """What was there before is left out of the collections, of which each test makes several."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def running(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    made: list[Running] = []

    def start(
        source: str = "", name: str = "app", grace: str = "1ms", warm_up: str = "1ms", begins: str = "id"
    ) -> Running:
        monkeypatch.delitem(sys.modules, name, raising=False)
        made.append(Running(tmp_path, name, f"{source}\n\nBEGINS = {begins}", grace, warm_up))
        return made[-1]

    yield start
    for one in made:
        one.end()
