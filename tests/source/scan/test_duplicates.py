"""IA810 and IA811: classes and functions that share a name, with the number of files that import each; IA812."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from isolation_audit.model.rules import Severity
from isolation_audit.source.scan.markdown import as_markdown
from trees import scan_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from isolation_audit.source.scan.findings import Reference

CONFIG = """\
[[factories]]
target = "app.factory:EngineFactory.create"
builds = "app.engine:Engine"

[[engines]]
target = "app.engine:Engine"
"""

FACTORY = "class EngineFactory:\n    def create(self):\n        return None\n"
ENGINE = "class Engine:\n    def __init__(self, context):\n        self.context = context\n\n    def ask(self): ...\n"
TREE = {
    "app/__init__.py": "",
    "app/factory.py": FACTORY,
    "app/engine.py": ENGINE,
    "app/old/__init__.py": "from .factory import (\n    EngineFactory,  # for old callers\n)\n",
    "app/old/factory.py": FACTORY,
    "app/compat.py": "try:\n    from app.missing import EngineFactory\nexcept ImportError:\n"
    "    class EngineFactory:\n        pass\n",
    "app/alias.py": "from app.engine import Engine as EngineFactory\n",
    "tools/motors.py": "class Engine:\n    def turbine(self): ...\n",
    "tools/answers.py": "class Engine:\n    def ask(self): ...\n",
    "tests/inner.py": "def test():\n    class EngineFactory:\n        pass\n",
    "one.py": "from app.factory import EngineFactory\n",
    "two.py": "from app.old import EngineFactory\n",
    "three.py": "def later():\n    from app.old.factory import EngineFactory\n    return EngineFactory\n",
}


@pytest.fixture
def found(tmp_path: Path):
    def run(tree: dict[str, str], config: str = CONFIG, rule: str = "IA810") -> dict[str, Reference]:
        write_tree(tmp_path, {**tree, "isolation-audit.toml": config})
        return {one.file: one for one in scan_tree(tmp_path).references if one.rule == rule}

    return run


def test_each_other_definition_with_its_users(found) -> None:
    duplicates = found(TREE)
    assert set(duplicates) == {"app/old/factory.py", "app/compat.py", "app/alias.py", "tools/answers.py"}
    old = duplicates["app/old/factory.py"]
    assert (old.line, old.form, old.severity) == (1, "class of the same name", Severity.WARNING)
    assert old.message.startswith("another EngineFactory, imported by 3 files; there is one in app.factory (1 file)")
    fallback = duplicates["app/compat.py"]
    assert (fallback.line, fallback.form) == (4, "fallback class")
    assert "imported by 0 files" in fallback.message
    alias = duplicates["app/alias.py"]
    assert alias.severity is Severity.NOTE
    assert alias.message == "the name EngineFactory stands for app.engine:Engine here"


def test_one_definition_that_is_handed_on_is_silent(found) -> None:
    clean = ("app/__init__.py", "app/factory.py", "app/engine.py", "tools/motors.py", "tests/inner.py", "one.py")
    handing = {"app/again.py": "from app.factory import EngineFactory\n", "two.py": "from app import again\n"}
    assert found({name: TREE[name] for name in clean} | handing) == {}


def test_without_configured_names_and_where_it_is_switched_off(found) -> None:
    assert found(TREE, '[[deprecations]]\ntarget = "colorsys"\n') == {}
    assert found(TREE, CONFIG + '\n[select]\ndisable = ["IA810"]\n') == {}


MIGRATING = """\
[[deprecations]]
target = "app.old:Engine"
replacement = "app.new:UserEngine.create"

[[deprecations.origins]]
constructor = "app.old:make"
replacement = "app.new:QuickEngine"
"""
MIGRATED = {
    "app/__init__.py": "from app.new import UserEngine\n",
    "app/old.py": "class Engine:\n    pass\n\n\ndef make(): ...\n",
    "app/new.py": "class UserEngine:\n    @classmethod\n    def create(cls): ...\n\n\nclass QuickEngine:\n    pass\n",
    "app/other.py": "class Motor:\n    pass\n\n\nclass UserEngine:\n    pass\n",
}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("from app.new import UserEngine as Engine\n", False),
        ("from app import UserEngine as Engine\n", False),
        ("from app.new import QuickEngine as Engine\n", False),
        ("from app.old import Engine\nfrom app.new import UserEngine as Engine\n", False),
        ("from app.other import Motor as Engine\n", True),
        ("from app.other import UserEngine as Engine\n", True),
        ("from app.old import Engine as UserEngine\n", True),
    ],
)
def test_the_replacement_may_have_the_name_of_what_it_replaces(found, line: str, told: bool) -> None:
    assert ("chat.py" in found({**MIGRATED, "chat.py": line}, MIGRATING)) == told


def test_a_file_with_references_and_duplicates_is_listed_once(tmp_path: Path) -> None:
    again = "from app.old import Engine as Old\nfrom app.other import Motor as Engine\nOld()\n"
    outcome = scan_tree(write_tree(tmp_path, {**MIGRATED, "chat.py": again, "isolation-audit.toml": MIGRATING}))
    assert [one.line for one in outcome.references if one.file == "chat.py"] == [1, 2, 3]
    assert as_markdown(outcome).count("\n## chat.py\n") == 1


REGISTRY = "class ToolRegistry:\n    pass\n"
ACCESSOR = "async def get_tool_registry():\n    return None\n"
UNNAMED = {
    "app/__init__.py": "",
    "app/tools.py": REGISTRY + ACCESSOR,
    "app/old.py": REGISTRY,
    "app/deps.py": ACCESSOR.removeprefix("async ") + "def get_registry(): ...\n",
    "app/more.py": "def get_registry(): ...\n\nclass Factory:\n    def turn(self): ...\n",
    "app/wheels.py": "class Factory:\n    def roll(self): ...\n",
    "app/again.py": "from app.tools import ToolRegistry\n",
    "tests/fakes.py": REGISTRY + ACCESSOR,
    "one.py": "from app.again import ToolRegistry\n",
    "two.py": "from app.tools import ToolRegistry, get_tool_registry\n",
    "three.py": "from app.old import ToolRegistry\n",
}


def test_factories_and_registries_that_no_configuration_names(found) -> None:
    duplicates = found(UNNAMED, CONFIG, "IA811")
    assert set(duplicates) == {"app/old.py", "app/deps.py"}
    old = duplicates["app/old.py"]
    assert (old.line, old.severity, old.form) == (1, Severity.NOTE, "class of the same name")
    assert old.message == "another ToolRegistry, imported by 1 file; there is one in app.tools (3 files)"
    function = duplicates["app/deps.py"]
    assert function.form == "function of the same name"
    assert function.message == "another get_tool_registry, imported by 0 files; there is one in app.tools (1 file)"
    assert found(UNNAMED, CONFIG) == {}


def test_a_name_that_the_configuration_has_is_told_once(found) -> None:
    config = '[[singletons]]\ntarget = "app.tools:ToolRegistry"\n'
    assert set(found(UNNAMED, config)) == {"app/old.py", "tests/fakes.py"}
    assert set(found(UNNAMED, config, "IA811")) == {"app/deps.py"}


HIDING = {
    "app/__init__.py": "",
    "app/real.py": "class Quota:\n    pass\n",
    "app/always.py": "try:\n    from app.missing import Quota\nexcept ImportError:\n    class Quota: ...\n",
    "app/sometimes.py": "try:\n    from .real import Quota\nexcept Exception:\n    Quota = object\n",
    "app/library.py": "try:\n    from quotas import Quota\nexcept ImportError:\n    class Quota: ...\n",
    "app/nothing.py": "try:\n    from app.missing import Quota\nexcept ImportError:\n    Quota = None\n",
    "app/script.py": "try:\n    from .real import Quota\nexcept ImportError:\n    from real import Quota\n",
}


def test_fallbacks_for_what_is_the_trees_own(found) -> None:
    hidden = found(HIDING, CONFIG, "IA812")
    assert set(hidden) == {"app/always.py", "app/sometimes.py"}
    assert hidden["app/always.py"].severity is Severity.WARNING
    assert hidden["app/always.py"].line == 4
    assert hidden["app/always.py"].message.endswith("imported from app.missing, and there is no such module")
    assert hidden["app/sometimes.py"].severity is Severity.NOTE
    assert hidden["app/sometimes.py"].message.endswith("imported from app.real, which hides why that fails")
