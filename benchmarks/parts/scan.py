"""Scanning a tree beside ``ruff check --select TID251``, which looks for one banned name and follows no re-export."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.programs import trees
from benchmarks.rows import Effort, Measured, NotMeasured, Row, at_most, measures
from benchmarks.timing import children_spent, clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable

BIN = Path(sys.executable).parent
LARGE = 2_100
"""In trees up to 2,000 files the scan parses every file, to tell which do not parse."""
TREES: dict[str, tuple[str, Callable[[Path, Effort], trees.Tree]]] = {
    "rare": (
        "names mentioned rarely, 9,000 files",
        lambda folder, effort: trees.rare(folder, max(LARGE, round(9_000 * min(1.0, effort.scale)))),
    ),
    "everywhere": (
        "names in each docstring, 3,000 files",
        lambda folder, effort: trees.everywhere(folder, max(LARGE, round(3_000 * min(1.0, effort.scale)))),
    ),
    "imports": ("all installed packages, true imports", lambda folder, _effort: trees.imported(folder)),
}
ROUNDS = 3


def _rows() -> list[Row]:
    rows = []
    for tree, (what, _make) in TREES.items():
        rows += [
            Row(f"scan_vs_ruff_{tree}_wall", f"{what}, cold, wall time / ruff's", at_most(1.0)),
            Row(f"scan_vs_ruff_{tree}_cpu", f"{what}, cold, processor time / ruff's", at_most(1.0)),
            Row(f"scan_warm_over_cold_{tree}", f"{what}, processor time, warm / cold", at_most(0.3)),
            Row(f"scan_{tree}_cold_s", "processor time", unit="s"),
        ]
    return rows


@dataclass(slots=True)
class Best:
    """The best of several runs of a program: seconds of wall and of processor time; its output."""

    wall: float = float("inf")
    processor: float = float("inf")
    output: bytes = field(default=b"", repr=False)

    def run(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        """Once more."""
        before, began = children_spent(), time.perf_counter()
        with subprocess.Popen(
            command,
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        ) as process:  # fmt: skip
            self.output, _ = process.communicate()
        self.wall = min(self.wall, time.perf_counter() - began)
        self.processor = min(self.processor, children_spent() - before)


@measures("scan", _rows())
def scan(effort: Effort) -> Measured:
    """Tree by tree, each program in turn."""
    figures: dict[str, float] = {}
    missing: dict[str, str] = {}
    for tree, (_what, make) in TREES.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name, "tree")
            folder.mkdir()
            made = make(folder, effort)
            _age(folder)
            found = _in_turn(folder, made, Path(name, "cache"), effort.times(ROUNDS))
        cold, warm, ruff = found["cold"], found["warm"], found.get("ruff")
        figures[f"scan_warm_over_cold_{tree}"] = warm.processor / cold.processor
        figures[f"scan_{tree}_cold_s"] = cold.processor
        if ruff is None:
            missing |= {f"scan_vs_ruff_{tree}_{clock}": "ruff is not installed" for clock in ("wall", "cpu")}
            continue
        figures[f"scan_vs_ruff_{tree}_wall"] = cold.wall / ruff.wall
        figures[f"scan_vs_ruff_{tree}_cpu"] = cold.processor / ruff.processor
    return Measured(figures, missing)


def _age(folder: Path) -> None:
    """Files that have just changed are not kept in the cache: let them be older."""
    past = time.time() - 3_600
    for file in folder.rglob("*.py"):
        os.utime(file, (past, past))


def _in_turn(folder: Path, tree: trees.Tree, cache: Path, rounds: int) -> dict[str, Best]:
    (folder / "isolation-audit.toml").write_text(f'[[deprecations]]\ntarget = "{tree.target}"\n', encoding="utf-8")
    scan = [sys.executable, "-m", "isolation_audit", "scan", "--format", "json"]
    dotted = tree.target.replace(":", ".")
    banned = f'lint.flake8-tidy-imports.banned-api."{dotted}".msg="old"'
    ruff = [str(BIN / "ruff"), "check", "--isolated", "--select", "TID251", "--no-cache", "--config", banned, "."]
    best = {"cold": Best(), "warm": Best()}
    if (BIN / "ruff").exists():
        best["ruff"] = Best()
    environment = clean_environment()
    for number in range(rounds):
        own = environment | {"XDG_CACHE_HOME": str(cache / str(number))}
        (cache / str(number)).mkdir(parents=True)
        if "ruff" in best:
            best["ruff"].run(ruff, folder, environment)
        best["cold"].run(scan, folder, own)
        best["warm"].run(scan, folder, own)
    told = [json.loads(best[one].output)["summary"]["findings"] for one in ("cold", "warm")]
    if told[0] != told[1] or (tree.imports is not None and told[0].get("IA801") != tree.imports):
        raise NotMeasured(f"expected {tree.imports} imports: cold {told[0]}, warm {told[1]}")
    return best
