"""The runner of other projects' suites: what it makes of results and reports made up for it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).parent


@pytest.fixture
def runner(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(HERE.parent / "corpus"))
    spec = importlib.util.spec_from_file_location("suites_run", HERE / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "suites_run", module)
    spec.loader.exec_module(module)
    return module


def results(folder: Path, **cases: str) -> Path:
    inner = "".join(f'<testcase classname="tests.a" name="{name}">{end}</testcase>' for name, end in cases.items())
    file = folder / f"{len(list(folder.iterdir()))}.xml"
    file.write_text(f"<testsuites><testsuite>{inner}</testsuite></testsuites>")
    return file


def finding(rule: str, function: str) -> dict[str, object]:
    frame = {"file": "/x/test_a.py", "line": 5, "function": function}
    return {"rule": rule, "count": 2, "message": "m", "site": {**frame, "stack": [frame]}}


def test_tests_that_end_differently_are_told(runner, tmp_path) -> None:
    bare = runner.outcomes(results(tmp_path, one="", two="<failure/>", three="<skipped/>", four=""))
    same = runner.outcomes(results(tmp_path, one="", two="<failure/>", three="<skipped/>", four=""))
    other = runner.outcomes(results(tmp_path, one="<failure/>", two="", three="<skipped/>"))
    assert runner.differences(bare, same) == []
    assert runner.differences(bare, other) == [
        "tests.a::four: passed only bare",
        "tests.a::one: passed only bare",
        "tests.a::two: failure only bare",
        "tests.a::one: failure only audited",
        "tests.a::two: passed only audited",
    ]


def test_a_run_without_tests_is_no_success(runner, tmp_path) -> None:
    for file in (results(tmp_path), tmp_path / "absent.xml"):
        with pytest.raises(ValueError, match="no test has run"):
            runner.outcomes(file)


def test_what_the_table_does_not_explain_fails(runner) -> None:
    suite = runner.Suite("a", "1", "tests", findings=({"rule": "IA307", "test": "test_early", "why": "on purpose"},))
    row = runner.Row("a 1")
    runner.weigh(row, suite, finding("IA307", "test_early.<locals>.app"))
    runner.weigh(row, suite, finding("IA208", "test_other"))
    assert (len(row.findings), row.unexplained, row.failed) == (1, [], False), "a true one, and a note"
    for rule, function in (("IA307", "test_late"), ("IA202", "test_early")):
        runner.weigh(row, suite, finding(rule, function))
    assert len(row.unexplained) == 2
    assert row.failed


def test_every_explanation_says_why(runner) -> None:
    suites = runner.read_suites()
    assert {"starlette", "python-socketio", "asgiref", "cachetools", "redis"} <= {suite.name for suite in suites}
    findings = [one for suite in suites for one in suite.findings]
    # What was replaced after it had been instrumented, and a fault of ours, have no place in a test.
    assert all(one["why"].endswith(".") and (one["test"] or one["rule"] in ("IA902", "IA903")) for one in findings)


OTHERS = """
import asyncio
from contextvars import copy_context

from varying_users import user

SEEN = []

def test_one():
    SEEN.append(user.get())

def test_two():
    SEEN.append(user.get())
    assert len(set(SEEN)) == 2

async def whose():
    return user.get()

def test_tasks():
    async def run():
        chosen = asyncio.create_task(whose(), context=copy_context())
        return user.get(), await chosen, *await asyncio.gather(whose(), whose())

    own, chosen, first, second = asyncio.run(run())
    assert chosen == own
    assert len({own, first, second, *SEEN}) == 5
"""


def test_users_vary_from_test_to_test_and_task_to_task(runner, tmp_path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_others.py").write_text(OTHERS)
    config = tmp_path / "audit.toml"
    config.write_text(runner.CONFIG)
    options = ["-p", "varying_users", "--audit-isolation", f"--audit-config={config}", f"--audit-report={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "tests"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert runner.users(report) == 5, "three tests, and the two tasks of gather()"
    row = runner.Row("others 1")
    for found in report["findings"]:
        if found["target"] != runner.ON_PURPOSE:
            runner.weigh(row, runner.Suite("others", "1", "tests"), found)
    assert (row.unexplained, report["summary"]["faults"]) == ([], 0)


def test_an_audit_that_saw_one_user_only_was_blind(runner) -> None:
    assert runner.users({"findings": [{"target": "app:f", "count": 5}]}) == 1
