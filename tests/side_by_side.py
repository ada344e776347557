"""Runs the tests in several processes at a time, each with a group of files that lie together.

An audit that starts looks at every module of its process, and instruments every library that it finds there. Where a
process collects all tests, as each of pytest-xdist's workers does, it has imported all libraries, and each of thousands
of audits takes five times as long. A process here imports what its own files need.

    python tests/side_by_side.py [--jobs N] [--part of_python|of_libraries] [options of pytest]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TESTS = Path(__file__).parent
ROOT = TESTS.parent

GROUP = 80_000
"""Bytes of tests in a process: a smaller group imports less, but each process has to start."""

ONCE = (
    *("apps/", "benchmarks/", "config/", "content/", "corpus/", "docs/", "examples/", "installation/", "path_checks/"),
    *("exporters/html/", "investigate/", "observability/", "progress/", "suites/"),
    *("test_hostile_inputs.py", "test_hostile_texts.py", "test_hostile_users.py", "test_house.py", "test_secrets.py"),
    *("cli/test_check.py", "cli/test_compare.py", "cli/test_demo.py", "cli/test_demo_faults.py", "cli/test_explain.py"),
    *("cli/test_gate.py", "cli/test_grafana.py", "cli/test_hostile_names.py", "cli/test_migrate.py"),
    *("cli/test_progress.py", "cli/test_rules.py", "cli/test_scan.py", "cli/test_show.py"),
    *("exporters/test_journal.py", "exporters/test_privacy.py", "exporters/test_receiver_trouble.py"),
    *("exporters/test_report.py", "exporters/test_terminal.py", "exporters/test_trouble_with_files.py"),
    *("instrument/test_calls", "instrument/test_statements.py", "integrations/test_every_hook.py"),
    *("rules/context/test_endurance.py", "test_vocabulary.py"),
)
"""Tests that hardly depend on the Python, or on libraries' versions: CI runs them with the newest."""

OF_PYTHON = (
    *("analysis/", "instrument/", "model/", "recording/", "targets/"),
    *(f"rules/{family}/" for family in ("concurrency", "construction", "factories", "lifetime", "protocol")),
    *(f"rules/{family}/" for family in ("reachable", "selfcheck", "service_levels", "sharing", "state")),
    *("rules/content/test_content.py", "rules/content/test_results.py", "rules/crossing/test_crossing.py"),
    *("rules/crossing/test_ownership.py", "rules/test_dispatch.py", "rules/test_rule_examples.py"),
    *(f"rules/context/test_{name}.py" for name in ("mailboxes", "running_work", "suspicions", "task_origins")),
    *("rules/caches/test_meanings.py", "rules/context/test_told_by_caller.py", "rules/provenance/test_gone_through.py"),
    *("rules/provenance/test_brought_in.py", "rules/provenance/test_standing.py"),
    *("foundation/test_cheap_records.py", "foundation/test_forks.py", "foundation/test_wakeup.py", "process/"),
    *("exporters/test_background.py", "test_auditor.py", "test_frozen_classes.py", "test_odd_clocks.py"),
    "test_start_up.py",
)
"""Tests that go by what Python does: CI runs these with every Python, and not again with old libraries."""

PARTS: dict[str, Callable[[str], bool]] = {
    "all": lambda file: True,
    "of_python": lambda file: file.startswith(OF_PYTHON) and not file.startswith(ONCE),
    "of_libraries": lambda file: not file.startswith(OF_PYTHON + ONCE),
}
NOTHING_SELECTED = 5


def files_of(part: str) -> list[Path]:
    """The files of a part, in the order of their paths."""
    return [file for file in sorted(TESTS.rglob("test_*.py")) if PARTS[part](file.relative_to(TESTS).as_posix())]


def groups_of(files: list[Path]) -> list[list[Path]]:
    """Files of one folder of ``tests``, or of several small ones, in groups of about the same size."""
    folders: defaultdict[tuple[str, ...], list[Path]] = defaultdict(list)
    for file in files:
        folders[file.relative_to(TESTS).parent.parts[:1]].append(file)
    small = [folder for folder in folders if 2 * _size(folders[folder]) < GROUP]
    together = [file for folder in small for file in folders.pop(folder)]
    return [group for part in (together, *folders.values()) for group in _equal(part)]


def _size(files: list[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _equal(files: list[Path]) -> list[list[Path]]:
    share = _size(files) / max(1, round(_size(files) / GROUP))
    groups: list[list[Path]] = []
    before = 0
    for file in files:
        if not groups or before >= share * len(groups):
            groups.append([])
        groups[-1].append(file)
        before += file.stat().st_size
    return groups


def run(files: list[Path], options: list[str]) -> tuple[list[Path], int, str]:
    """One process, with what it has printed."""
    # pytest rewrites the assertions of all tests and of Hypothesis, and keeps that as compiled code where it may.
    keeping = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, *map(str, files)],
        cwd=ROOT,
        env=keeping,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return files, done.returncode, done.stdout


def main(words: list[str]) -> int:
    """0 where all tests passed. A group that failed prints all it has to say when it ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--part", choices=PARTS, default="all")
    ours, options = parser.parse_known_args(words)
    if ours.part != "all":
        options += ["-m", "not long and not once"]
    counts = Counter(passed=0)
    failed = []
    with ThreadPoolExecutor(ours.jobs) as pool:
        for ended in as_completed([pool.submit(run, group, options) for group in groups_of(files_of(ours.part))]):
            group, code, out = ended.result()
            name = f"{group[0].relative_to(ROOT)} to {group[-1].relative_to(ROOT)}"
            last = out.strip().rpartition("\n")[2]
            for number, kind in re.findall(r"(\d+) (passed|failed|skipped|rerun|errors?)\b", last):
                counts[kind.removesuffix("s")] += int(number)
            if code not in (0, NOTHING_SELECTED) or not re.search(r" in \d", last):  # a test may have ended the process
                failed.append(name)
                print(out, f"\nexit code {code}", sep="")
            else:
                print(*re.findall(r"^(?:RERUN|SKIPPED) .*\n", out, re.MULTILINE), sep="", end="")
            print(f"{last}: {name}", flush=True)
    print(", ".join(f"{number} {kind}" for kind, number in counts.items()))
    for name in failed:
        print(f"failed: {name}")
    return bool(failed) or not counts["passed"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
