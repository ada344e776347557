"""What depth ``state`` costs: importing rewritten modules, and loops over attributes, items and methods.

The loops are the smallest that there are, as ratios to the same code as it was written.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import timeit
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.rows import Effort, Figures, Measured, Row, measures
from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.rewrite import listener
from isolation_audit.instrument.rewrite.loading import Loading

if TYPE_CHECKING:
    from collections.abc import Callable

MODULES = 100
COUNT = 100_000

LOOPS = {
    "read an attribute": "for _ in range(count): self.x",
    "read an attribute, and use it": "total = 0\n  for _ in range(count): total += self.x\n  return total",
    "write an attribute": "for n in range(count): self.y = n",
    "read an item": "for _ in range(count): self.d['k']",
    "write an item": "d = self.d\n  for n in range(count): d['z'] = n",
    "append": "kept = []\n  for n in range(count): kept.append(n)",
    "call a method": "for _ in range(count): self.m()",
}
LISTENING = ("nobody", "outside", "inside", "armed", "armed and inside")
"""Whether somebody listens, whether in a unit of work, and whether reads are asked for."""
CLASS = """
class A:
 def __init__(self):
  self.x, self.y, self.d = 1, 0, {'k': 1}
 def m(self): pass
"""


class Silent:
    """A listener that is told, and does nothing."""

    inside: object = None

    def unit(self) -> object:
        return self.inside

    def wrote(self, *_told: object) -> None:
        pass

    def read(self, *_told: object) -> None:
        pass

    def born(self, *_told: object) -> None:
        pass


def measure(loop: Callable[[object, int], object], owner: object, rounds: int) -> float:
    """Nanoseconds of a turn."""
    return min(timeit.repeat(lambda: loop(owner, COUNT), timer=time.thread_time, number=1, repeat=rounds)) / COUNT * 1e9


def loops(rounds: int) -> Figures:
    """Each loop, by what listens."""
    figures: Figures = {}
    for name, body in LOOPS.items():
        source = f"{CLASS}\n def loop(self, count):\n  {body}\n"
        bare: dict[str, Any] = {}
        exec(source, bare)
        told: dict[str, Any] = {"__name__": "program"}
        exec(Loading((), Barrier()).code(source.encode(), "program.py"), told)
        written = measure(bare["A"].loop, bare["A"](), rounds)
        silent = Silent()
        for listening in LISTENING:
            if listening != "nobody":
                listener.listen(silent, Barrier(), lambda *_asked: True)
            if "armed" in listening:
                listener.arm(["x", "k", listener.ANY])
            silent.inside = "a unit" if "inside" in listening else None
            figures[f"state_loop_vs_bare[{name}, {listening}]"] = measure(told["A"].loop, told["A"](), rounds) / written
        listener.listen(None)
    return figures


_IMPORT = """
import sys, time
sys.path.insert(0, {folder!r})
from benchmarks.rows import Effort, Figures, Measured, Row, measures
from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.rewrite.loading import Loading
if {rewritten}:
    Loading((), Barrier()).start()
start = time.perf_counter()
for number in range({modules}):
    __import__(f"module_{{number}}")
print(time.perf_counter() - start)
"""


def imports() -> Figures:
    """Modules that are compiled, rewritten, or taken from the cache."""
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("[a-z]*.py"))
    files = [file for file in files if file.stat().st_size < 60_000 and "__main__" not in file.read_text("utf-8")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "application")
        folder.mkdir()
        for number in range(MODULES):
            # Functions only: what a module's own statements do is not to be measured.
            text = _functions(files[number % len(files)])
            (folder / f"module_{number}.py").write_text(text, "utf-8")
        environ = {"XDG_CACHE_HOME": str(Path(name, "cache")), "PATH": ""}
        Path(name, "cache").mkdir()

        def once(*, rewritten: bool) -> float:
            program = _IMPORT.format(folder=str(folder), rewritten=rewritten, modules=MODULES)
            done = subprocess.run(
                [sys.executable, "-c", program], env=environ, text=True, capture_output=True, check=True
            )
            return float(done.stdout)

        compiled = once(rewritten=False)
        bare = min(once(rewritten=False) for _ in range(3))
        first = once(rewritten=True)
        kept = min(once(rewritten=True) for _ in range(3))
        shutil.rmtree(folder)
    return {
        "state_import_first_vs_compiled": first / compiled,
        "state_import_kept_vs_compiled_before": kept / bare,
    }


def _functions(file: Path) -> str:
    tree = ast.parse(file.read_text("utf-8"))
    names = (ast.FunctionDef, ast.AsyncFunctionDef)
    parts = [node for node in tree.body if isinstance(node, names) and not node.decorator_list]
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            methods = [one for one in node.body if isinstance(one, names) and not one.decorator_list]
            if methods:
                parts.append(ast.ClassDef(node.name, [], [], methods, []))
    for node in parts:
        for inside in ast.walk(node):
            if isinstance(inside, ast.arguments):
                inside.defaults = [ast.Constant(None) for _ in inside.defaults]
                inside.kw_defaults = [one and ast.Constant(None) for one in inside.kw_defaults]
            if isinstance(inside, ast.arg):
                inside.annotation = None
            if isinstance(inside, names):
                inside.returns = None
    return "\n\n".join(ast.unparse(ast.fix_missing_locations(node)) for node in parts) + "\n"


@measures(
    "state",
    [
        *(
            Row(f"state_loop_vs_bare[{name}, {listening}]", "a turn of a loop of rewritten code / as it was written")
            for name in LOOPS
            for listening in LISTENING
        ),
        Row("state_import_first_vs_compiled", f"import of {MODULES} modules, rewritten now / compiled now"),
        Row("state_import_kept_vs_compiled_before", "rewritten before / compiled before"),
    ],
    detail=True,
)
def state(effort: Effort) -> Measured:
    """Loops, then imports."""
    return Measured(loops(effort.times(5)) | imports())
