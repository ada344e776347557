"""Scanning a large tree: beside `ruff check --select TID251` and `grep -r`, in turn, with exact counts checked.

Run it as ``python benchmarks/scan.py [ROUNDS] [FILES]``. It generates a tree (9,000 files, 3.7 million lines) into a
temporary folder, with 130 imports of what is deprecated and 5,000 places that only look like one. Each program is
run in turn, round after round; all rounds are printed, and each keeps its best: wall time, and the processor time
of all its processes, which other work on the machine disturbs less. Memory is the sum of the proportional set sizes
of all processes.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
FILES = 9_000
PLANTED = 130
LOOK_ALIKES = 5_000
FUNCTIONS = 45
OLD = "platform_app.agents.supervisor.execution_engine"
CONFIG = f"""\
[[deprecations]]
target = "{OLD}:ExecutionEngine"
replacement = "platform_app.agents.supervisor.user_execution_engine:UserExecutionEngine"
"""
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


def generate(folder: Path, files: int) -> tuple[int, int]:
    """Write the tree; gives its lines and bytes."""
    draw = random.Random(1)
    write(folder, "isolation-audit.toml", CONFIG)
    supervisor = "platform_app/agents/supervisor"
    for package in ("platform_app", "platform_app/agents", "platform_app/tools"):
        write(folder, f"{package}/__init__.py", "")
    write(folder, f"{supervisor}/execution_engine.py", "class ExecutionEngine:\n    pass\n")
    write(folder, f"{supervisor}/user_execution_engine.py", "class UserExecutionEngine:\n    pass\n")
    write(folder, f"{supervisor}/__init__.py", "from .execution_engine import ExecutionEngine\n")
    write(folder, "platform_app/tools/execution_engine.py", "class ExecutionEngine:\n    pass\n")
    write(folder, "platform_app/compatibility.py", f"from {OLD} import ExecutionEngine as LegacyEngine\n")
    numbers = list(range(files))
    draw.shuffle(numbers)
    planted = set(numbers[: PLANTED - 2])  # two stand above
    alike = set(numbers[PLANTED : PLANTED + LOOK_ALIKES])
    lines = size = 0
    for number in range(files):
        head = "import json\nimport logging\nfrom typing import Any\n\nlogger = logging.getLogger(__name__)\n"
        if number in planted:
            head += "\n" + IMPORTS[number % len(IMPORTS)] + "\n"
        if number in alike:
            head += "\n" + LIKE[number % len(LIKE)] + "\n"
        functions = (
            FUNCTION.format(name=f"gather_{place}", number=draw.randrange(1000), noun=draw.choice(NOUNS))
            for place in range(FUNCTIONS)
        )
        text = head + "".join(functions)
        write(folder, f"platform_app/area{number % 60}/part{number // 60 % 10}/module_{number}.py", text)
        lines += text.count("\n")
        size += len(text)
    return lines, size


def write(folder: Path, name: str, text: str) -> None:
    """One file, and the folders above it."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@dataclass
class Run:
    """One run of a program: wall and processor time in seconds, memory in MB, standard output."""

    seconds: float
    processor: float
    memory: float
    output: bytes


def run(command: list[str], folder: Path) -> Run:
    """Run a program to its end."""
    began, spent = time.perf_counter(), processor()
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        peak = Peak(process.pid)
        output, _ = process.communicate()
    seconds = time.perf_counter() - began
    return Run(seconds, processor() - spent, peak.stop(), output)


def processor() -> float:
    """Seconds of processor time that all programs have taken that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Peak(threading.Thread):
    """The most memory that the processes of one session took together."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self._session = session
        self._highest = 0.0
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        """Look every 50 ms."""
        while not self._over.wait(0.05):
            self._highest = max(self._highest, sum(self._size(entry.name) for entry in Path("/proc").iterdir()))

    def _size(self, name: str) -> float:
        try:
            if not name.isdigit() or os.getsid(int(name)) != self._session:
                return 0
            rows = Path("/proc", name, "smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:  # it has ended
            return 0
        return sum(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024

    def stop(self) -> float:
        """The highest sum, in MB."""
        self._over.set()
        self.join()
        return self._highest


def main(rounds: int, files: int) -> None:
    """Generate, run in turn, print."""
    with tempfile.TemporaryDirectory(prefix="isolation-audit-bench-") as name:
        folder = Path(name)
        lines, size = generate(folder, files)
        print(f"{files:,} files, {lines:,} lines, {size / 1e6:.0f} MB")
        time.sleep(2.5)  # files that have just changed are not kept in the cache
        scan = [str(BIN / "isolation-audit"), "scan", "--format", "json"]
        banned = f'lint.flake8-tidy-imports.banned-api."{OLD}.ExecutionEngine".msg="old"'
        ruff = [str(BIN / "ruff"), "check", "--isolated", "--select", "TID251", "--no-cache", "--config", banned, "."]
        commands = {
            "grep -r ExecutionEngine": ["grep", "-r", "--include=*.py", "ExecutionEngine", "."],
            "ruff check --select TID251 --no-cache": ruff,
            "isolation-audit scan, cold": scan,
            "isolation-audit scan, warm": scan,
        }
        best: dict[str, Run] = {}
        for number in range(rounds):
            print(f"round {number + 1}:", end="")
            for title, command in commands.items():
                if title.endswith("cold"):
                    shutil.rmtree(folder / ".isolation-audit", ignore_errors=True)
                one = run(command, folder)
                print(
                    f"  {title.split(',')[-1].split()[0]} {one.seconds:.2f} ({one.processor:.2f})", end="", flush=True
                )
                if title not in best or one.seconds < best[title].seconds:
                    best[title] = one
            print()
        for title, one in best.items():
            print(f"{title:40} {one.seconds:6.2f} s {one.processor:6.2f} s of processors {one.memory:7.0f} MB")
        for title in ("isolation-audit scan, cold", "isolation-audit scan, warm"):
            counts = json.loads(best[title].output)["summary"]
            imports = counts["findings"]["IA801"]
            print(f"{title}: {imports} imports, {counts['source']['forms']}")
            if imports != PLANTED or counts["findings"].keys() - {"IA801", "IA808"}:
                sys.exit(f"expected {PLANTED} imports and nothing else but aliases")
        cold, warm = (best[f"isolation-audit scan, {kind}"].seconds for kind in ("cold", "warm"))
        beside = best["ruff check --select TID251 --no-cache"].seconds
        print(f"cold / ruff {cold / beside:.2f}, warm / cold {warm / cold:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, int(sys.argv[2]) if len(sys.argv) > 2 else FILES)
