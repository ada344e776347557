"""What start-up costs: pytest with the plugin off beside pytest without it, the command line, the switch, the imports.

Run it as ``python benchmarks/startup.py [ROUNDS]``. Whole processes, started in turn, round after round; each keeps
its fewest milliseconds of processor time, which other work on the machine disturbs less than the clock.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import isolation_audit

PYTEST = (*("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"), "test_nothing.py")
COMMAND = ("-m", "isolation_audit")
BOOTSTRAP = str(Path(isolation_audit.__file__).with_name("_bootstrap"))
"""As ``isolation-audit run`` puts it on PYTHONPATH."""

GROUPS: dict[str, dict[str, tuple[tuple[str, ...], dict[str, str]]]] = {
    "pytest, one empty test": {
        "plugin absent": ((*PYTEST, "-p", "no:isolation_audit"), {}),
        "plugin installed, off": (PYTEST, {}),
        "--audit-isolation": ((*PYTEST, "--audit-isolation"), {}),
    },
    "python -c pass": {
        "bare": (("-c", "pass"), {}),
        "ISOLATION_AUDIT=0": (("-c", "pass"), {"ISOLATION_AUDIT": "0", "PYTHONPATH": BOOTSTRAP}),
        "ISOLATION_AUDIT=1": (("-c", "pass"), {"ISOLATION_AUDIT": "1", "PYTHONPATH": BOOTSTRAP}),
        "import isolation_audit": (("-c", "import isolation_audit"), {}),
        "import isolation_audit.auditor": (("-c", "import isolation_audit.auditor"), {}),
    },
    "the command line": {
        "import click": (("-c", "import click"), {}),
        "--help": ((*COMMAND, "--help"), {}),
        "scan --help": ((*COMMAND, "scan", "--help"), {}),
        "gate --help": ((*COMMAND, "gate", "--help"), {}),
        "rules": ((*COMMAND, "rules"), {}),
    },
}


def measured(words: tuple[str, ...], more: dict[str, str], folder: str) -> float:
    """Milliseconds of processor time of one process, and of those that it started."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("ISOLATION_AUDIT", "PYTHON"))
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment | more, capture_output=True, check=True, timeout=120
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1_000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def main() -> None:
    """Print the fewest milliseconds of each, and the difference from the first of its group."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_nothing.py").write_text("def test_nothing(): pass\n", encoding="utf-8")
        Path(folder, "isolation-audit.toml").write_text(
            '[[engines]]\ntarget = "app:Engine"\noptional = true\n', "utf-8"
        )
        for title, programs in GROUPS.items():
            fewest = dict.fromkeys(programs, float("inf"))
            for _ in range(rounds):
                for name, (words, more) in programs.items():
                    fewest[name] = min(fewest[name], measured(words, more, folder))
            first = next(iter(fewest.values()))
            print(f"{title}, ms of processor time, fewest of {rounds}")
            for name, value in fewest.items():
                print(f"  {name:32} {value:7.1f}  {value - first:+7.1f}")


if __name__ == "__main__":
    main()
