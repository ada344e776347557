"""Source trees to scan: names mentioned rarely, everywhere in docstrings, or imported by installed packages."""

from __future__ import annotations

import random
import shutil
import sysconfig
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OLD = "platform_app.agents.supervisor.execution_engine"
PLANTED = 130
IMPORTS = (
    f"from {OLD} import ExecutionEngine",
    f"from {OLD} import ExecutionEngine as Engine",
    f"from {OLD} import (\n    ExecutionEngine,\n)",
    f"import {OLD} as legacy\n\nENGINE = legacy.ExecutionEngine",
    "from platform_app.agents.supervisor import ExecutionEngine",
    "from platform_app.compatibility import LegacyEngine",
    "from platform_app.agents.supervisor.execution_engine import *",
)
LIKE = (
    f"# {OLD}.ExecutionEngine is gone",
    f'"""Once from {OLD} import ExecutionEngine did this."""',
    "class BaseExecutionEngine:\n    pass",
    "from platform_app.tools.execution_engine import ExecutionEngine",
    'MESSAGE = "ExecutionEngine failed"',
    "from platform_app.agents.supervisor.user_execution_engine import UserExecutionEngine as ExecutionEngine",
    'def told(name):\n    return f"ExecutionEngine {name}"',
    "class IExecutionEngine:\n    execution_engine = None",
    "def put(self):\n    self.execution_engine = self.ExecutionEngine",
)
TOLD = (
    "An ExecutionEngine did this once.",
    f"Before::\n\n        from {OLD} import ExecutionEngine\n        ExecutionEngine().run()\n    ",
    "Like `supervisor.execution_engine.ExecutionEngine`, but for one user.",
    ">>> import platform_app.agents.supervisor.execution_engine as legacy\n    >>> legacy.ExecutionEngine\n    ",
)
"""What docstrings say of it."""
FUNCTION = '''
def {name}(request, records, limit={number}):
    """Gather the {noun} of a request, newest first."""
    found = []
    for number, record in enumerate(records):
        if record.get("kind") != "{noun}" or number > limit:
            continue
        found.append({{"id": record["id"], "of": request.user_id, "at": record.get("at", {number})}})
    return sorted(found, key=lambda one: one["at"], reverse=True)
'''
NOUNS = ("message", "order", "invoice", "thread", "answer", "tool", "event", "note", "model", "engine")


@dataclass(frozen=True, slots=True)
class Tree:
    """A generated tree: what is deprecated in it, and how many imports of that it has, where that is known."""

    target: str
    imports: int | None


def rare(folder: Path, files: int) -> Tree:
    """A large tree: a few imports of what is deprecated, and thousands of places that only look like one."""
    draw = random.Random(1)
    _packages(folder)
    numbers = list(range(files))
    draw.shuffle(numbers)
    planted = set(numbers[: PLANTED - 2])  # two stand in the packages
    alike = set(numbers[PLANTED : PLANTED + files * 5 // 9])
    for number in range(files):
        head = "import json\nimport logging\nfrom typing import Any\n\nlogger = logging.getLogger(__name__)\n"
        if number in planted:
            head += "\n" + IMPORTS[number % len(IMPORTS)] + "\n"
        if number in alike:
            head += "\n" + LIKE[number % len(LIKE)] + "\n"
        _write(folder, _name(number), head + _functions(draw, 45))
    return Tree(f"{OLD}:ExecutionEngine", min(PLANTED, len(planted) + 2))


def everywhere(folder: Path, files: int) -> Tree:
    """Each file's docstring tells of the deprecated class; none imports it."""
    draw = random.Random(1)
    _packages(folder)
    for number in range(files):
        head = f'"""Part {number}: took over from {OLD}.ExecutionEngine."""\n\nimport json\n'
        told = f'\n\ndef told():\n    """{TOLD[number % len(TOLD)]}"""\n    return "part {number}"\n'
        _write(folder, _name(number), head + _functions(draw, 15) + told)
    return Tree(f"{OLD}:ExecutionEngine", 2)


def imported(folder: Path) -> Tree:
    """All installed packages, as many people have written them; deprecated is what many of their files import."""
    installed = sysconfig.get_path("purelib")
    shutil.copytree(installed, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    return Tree("django.core.exceptions:ImproperlyConfigured", None)


def _packages(folder: Path) -> None:
    supervisor = "platform_app/agents/supervisor"
    for package in ("platform_app", "platform_app/agents", "platform_app/tools"):
        _write(folder, f"{package}/__init__.py", "")
    _write(folder, f"{supervisor}/execution_engine.py", "class ExecutionEngine:\n    pass\n")
    _write(folder, f"{supervisor}/user_execution_engine.py", "class UserExecutionEngine:\n    pass\n")
    _write(folder, f"{supervisor}/__init__.py", "from .execution_engine import ExecutionEngine\n")
    _write(folder, "platform_app/tools/execution_engine.py", "class ExecutionEngine:\n    pass\n")
    _write(folder, "platform_app/compatibility.py", f"from {OLD} import ExecutionEngine as LegacyEngine\n")


def _name(number: int) -> str:
    return f"platform_app/area{number % 60}/part{number // 60 % 10}/module_{number}.py"


def _functions(draw: random.Random, number: int) -> str:
    return "".join(
        FUNCTION.format(name=f"gather_{place}", number=draw.randrange(1000), noun=draw.choice(NOUNS))
        for place in range(number)
    )


def _write(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
