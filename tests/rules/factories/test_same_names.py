"""IA108: several classes of one name at work for one role, and one file that is two modules."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from isolation_audit.model.rules import Severity

if TYPE_CHECKING:
    from isolation_audit.model.findings import Finding

FACTORY = """\
class EngineFactory:
    def __init__(self, registry=None):
        self.registry = registry

    def create(self, context):
        return context

    @classmethod
    def shared(cls):
        return cls.__name__
"""

NAMED = '[[factories]]\ntarget = "PACKAGE.one:EngineFactory.create"\nbuilds = "PACKAGE.one:Engine"\noptional = true\n'


def functions(finding: Finding) -> tuple[str, str]:
    """The last parts of the names of both places."""
    assert finding.site is not None
    assert finding.origin is not None
    return finding.origin.top.function.rpartition(".")[2], finding.site.top.function.rpartition(".")[2]


def test_one_name_several_classes(application) -> None:
    application.write(
        one=FACTORY,
        two=FACTORY,
        three=FACTORY,
        five="from PACKAGE.one import EngineFactory\n",
        six=FACTORY,
    )
    application.start(NAMED)
    modules = {name: application.load(name) for name in ("one", "two", "three", "five", "six")}

    def use_one() -> None:
        modules["one"].EngineFactory()

    def use_two() -> None:
        modules["two"].EngineFactory.shared()

    def use_three() -> None:
        modules["three"].EngineFactory("registry")

    use_one()
    modules["five"].EngineFactory()
    assert not application.found("IA108"), "one class by two paths"
    for _ in range(3):
        use_two()
    (finding,) = application.found("IA108")
    assert functions(finding) == ("use_one", "use_two")
    assert f"{application.name}.two:EngineFactory is in use beside {application.name}.one:" in finding.message
    use_three()
    assert len(application.found("IA108")) == 2, "each class once; nobody uses that of the module six"


def test_a_name_of_one_word_needs_more(application) -> None:
    application.write(
        one="class Engine:\n    def answer(self, question):\n        return question\n",
        two="class Engine:\n    def turbine(self, steam):\n        return steam\n",
        three="class Engine:\n    def answer(self, question):\n        return None\n",
    )
    application.start('[[engines]]\ntarget = "PACKAGE.one:Engine"\n')
    for name in ("one", "two"):
        application.load(name).Engine()
    assert not application.found("IA108")
    application.load("three").Engine()
    (finding,) = application.found("IA108")
    assert f"three:Engine is in use beside {application.name}.one:Engine:" in finding.message


def test_one_file_two_modules(application, tmp_path, monkeypatch) -> None:
    application.write(one=FACTORY, other="class Else:\n    pass\n")
    application.start(NAMED)
    application.load("one")
    application.load("other")
    monkeypatch.syspath_prepend(tmp_path / application.name)
    for name in ("one", "other"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        assert importlib.import_module(name)
    try:
        findings = {finding.target: finding for finding in application.found("IA108")}
        assert findings["one"].severity is Severity.WARNING
        assert findings["other"].severity is Severity.NOTE
        assert findings["one"].site is not None
        assert findings["one"].site.top.file == __file__
    finally:
        for name in ("one", "other"):
            del sys.modules[name]


def test_a_reload_is_the_same_module(application) -> None:
    application.write(one=FACTORY)
    application.start(NAMED)
    module = application.load("one")
    module.EngineFactory()
    importlib.reload(module).EngineFactory()
    assert not application.found("IA108")
