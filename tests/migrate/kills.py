"""Kills migrations with SIGKILL at random moments, and looks at what is left: ``python kills.py FOLDER TIMES SEED``.

A program of its own, because it forks: a child applies the plan, the parent kills it. Prints a JSON object.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from isolation_audit.migrate.applying import apply_plan, recover, roll_back
from isolation_audit.migrate.journal import runs
from isolation_audit.migrate.lock import only_one
from isolation_audit.migrate.planning import make_plan
from isolation_audit.migrate.validation import Checks
from trees import CONFIG, OLD, scan_tree, write_tree

GROUPS = 4


def tree() -> dict[str, str]:
    files = {**OLD, "isolation-audit.toml": CONFIG}
    for group in range(GROUPS):
        files[f"g{group}/__init__.py"] = "from app.old import Engine\n"
        for number in range(2):
            files[f"g{group}/part{number}.py"] = f"from g{group} import Engine\n\nengine = Engine()\n# {'x' * 3000}\n"
    return files


def in_child(job) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            job()
            code = 0
        finally:
            os._exit(code)
    return child


def killed_after(child: int, delay: float) -> bool:
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main(folder: Path, times: int, seed: int) -> None:
    draw = random.Random(seed)
    files = tree()
    write_tree(folder, files)
    plan = make_plan(scan_tree(folder).source, lambda _: True)
    after = {change.shown: change.after for change in plan.changes}
    before = {change.shown: change.before for change in plan.changes}
    groups = [[change.shown for change in group] for group in plan.groups]
    assert len(groups) == GROUPS, groups
    assert all(len(group) == 3 for group in groups)

    def apply() -> None:
        with only_one(folder):
            apply_plan(plan, Checks())

    began = time.perf_counter()
    apply()
    whole = time.perf_counter() - began
    assert all((folder / name).read_bytes() == data for name, data in after.items())
    counts = {"killed": 0, "interrupted groups": 0, "killed while recovering": 0, "whole ms": round(whole * 1000)}
    while counts["killed"] < times:  # some come too late
        write_tree(folder, before)
        for run in runs(folder):
            for file in run.folder.iterdir():
                file.unlink()
            run.folder.rmdir()
        counts["killed"] += killed_after(in_child(apply), draw.uniform(0, whole * 1.05))
        check_whole(folder, before, after)
        interrupted = [entries for run in runs(folder) for _, entries in run.groups("begin")]
        counts["interrupted groups"] += len(interrupted)
        if draw.random() < 0.3:
            child = in_child(lambda: recover(folder))
            counts["killed while recovering"] += killed_after(child, draw.uniform(0, 0.01))
            check_whole(folder, before, after)
        _, foreign = recover(folder)
        assert foreign == []
        check_groups(folder, groups, before, after)
        if draw.random() < 0.3:
            for run in runs(folder):
                roll_back(run)
            assert all((folder / name).read_bytes() == data for name, data in before.items())
    print(json.dumps(counts))


def check_whole(folder: Path, before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """At any moment each file has its old content or its new one."""
    for name, old in before.items():
        assert (folder / name).read_bytes() in (old, after[name]), name


def check_groups(folder: Path, groups: list[list[str]], before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """After recovery whole groups have, and nothing else lies about."""
    for group in groups:
        states = {(folder / name).read_bytes() == after[name] for name in group}
        assert len(states) == 1, group
    assert list(folder.rglob(".*.new")) == []


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
