"""IA206 and IA402: the state of a declared engine or emitter, or of anything else, that two users' work shares."""

from __future__ import annotations

import importlib
import itertools
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.model.rules import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_numbers = itertools.count()

APP = """
class Engine:
    def __init__(self):
        self.last = None

    def run(self, text):
        before, self.last = self.last, text
        return [before, text]

class Service:
    def __init__(self, engine):
        self.engine = engine

shared = Service(Engine())
own = {}

def answer(user, text):
    return shared.engine.run(text)

def answer_apart(user, text):
    return own.setdefault(user, Engine()).run(text)
"""

DECLARED = {
    "the engine": ('[[engines]]\ntarget = "{app}:Engine"\n', "IA206"),
    "an emitter": ('[[emitters]]\ntarget = "{app}:Engine"\nmethods = {{ run = "args.text" }}\n', "IA206"),
    "what is deprecated": ('[[deprecations]]\ntarget = "{app}:Engine"\nreplacement = "{app}:Service"\n', "IA206"),
    "an object on the way": ('[[engines]]\ntarget = "{app}:Service"\n', "IA206"),
    "nothing": ("", "IA402"),
}


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[Any]]]:
    """Findings of two users who call a function of the application, with a part of a configuration."""
    monkeypatch.syspath_prepend(tmp_path)
    name = f"sharing_app_{os.getpid()}_{next(_numbers)}"
    tmp_path.joinpath(f"{name}.py").write_text(APP)

    def run(declared: str, function: str = "answer") -> list[Any]:
        config = tmp_path / "isolation-audit.toml"
        config.write_text(declared.format(app=name) + '[audit]\ndepth = "state"\n[report]\nterminal = false\n')
        with Auditor(load_config(config)) as auditor:
            ask = getattr(importlib.import_module(name), function)
            for user, text in (("alice", "the pin of my card is 47-11"), ("bob", "please buy some milk")):
                with user_scope(user):
                    ask(user, text)
        assert auditor.runtime.barrier.counts == {}
        found = [entry.finding for entry in auditor.recorder.entries()]
        return [one for one in found if one.rule in ("IA206", "IA402") and one.severity is not Severity.NOTE]

    yield run
    sys.modules.pop(name, None)


@pytest.mark.parametrize("which", DECLARED)
def test_whose_state_it_is_makes_the_rule(told, which) -> None:
    declared, rule = DECLARED[which]
    (finding,) = told(declared)
    assert finding.rule == rule
    assert finding.message.partition(": ")[0].endswith("shared.engine.last")
    assert "47-11" not in finding.message


def test_an_engine_for_each_is_silent(told) -> None:
    assert told(DECLARED["the engine"][0], "answer_apart") == []


@pytest.mark.parametrize(("which", "rule"), [("the engine", "IA206"), ("nothing", "IA402")])
def test_what_is_switched_off_is_not_told_by_the_other_rule(told, which, rule) -> None:
    assert told(f'{DECLARED[which][0]}[select]\ndisable = ["{rule}"]\n') == []
