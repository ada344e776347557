"""``--check``: a command that fails already has to fail no worse after a change."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from isolation_audit.source.migrate.applying import Result, apply_plan
from isolation_audit.source.migrate.planning import make_plan
from isolation_audit.source.migrate.validation import Checks
from trees import CONFIG, OLD, scan_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

USE = "from app.old import Engine\n\nengine = Engine()\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path, {**OLD, "isolation-audit.toml": CONFIG, "one.py": USE})


def checked(tree: Path, program: str) -> Result:
    """Migrate with a check that runs a program of Python; it knows the text of one.py as ``text``."""
    source = f"import sys; text = open('one.py').read(); new = 'UserEngine' in text\n{program}"
    command = f"{sys.executable} -c {shlex.quote(source)} {{files}}"
    return apply_plan(make_plan(scan_tree(tree).source, lambda _: True), Checks(command=command))


SAME = {
    "nothing said": "sys.exit(3)",
    "the same tests": "print('FAILED test_a.py::test_x - boom'); print('1 failed in', 0.2 + new); sys.exit(1)",
    "fewer tests": "print('FAILED a::x\\n' + ('' if new else 'ERROR b::y\\n')); sys.exit(1)",
    "other numbers": "print('took', 17 if new else 23, 'ms at', hex(id(text)), file=sys.stderr); sys.exit(2)",
    "other reasons of one test": "print('FAILED a::x -', 'one' if new else 'two'); sys.exit(1)",
}


@pytest.mark.parametrize("case", SAME)
def test_what_failed_before_may_go_on_failing(tree: Path, case: str) -> None:
    result = checked(tree, SAME[case])
    assert (result.changed, result.refused) == (["one.py"], [])
    (remark,) = result.remarks
    assert remark.endswith("failed before the change, and says nothing new after it")


WORSE = {
    "it passed": ("print('boom'); sys.exit(1 if new else 0)", "boom"),
    "another exit code": ("print('boom'); sys.exit(2 if new else 1)", "exit code 2, and 1 before"),
    "one more test": ("print('FAILED a::x\\n' + ('FAILED b::y - no\\n' if new else '')); sys.exit(1)", "b::y"),
    "unittest's words": ("print('FAIL: x (m.T)\\n' + ('ERROR: y (m.T)\\n' if new else '')); sys.exit(1)", "y (m.T)"),
    "another line": ("print('12 warnings'); print('late', 'fault' if new else 'x'); sys.exit(1)", "late fault"),
}


@pytest.mark.parametrize("case", WORSE)
def test_what_is_worse_restores_the_group(tree: Path, case: str) -> None:
    program, reason = WORSE[case]
    result = checked(tree, program)
    assert (result.changed, result.remarks) == ([], [])
    assert (tree / "one.py").read_text() == USE
    assert reason in result.refused[0][1]


def test_a_check_that_passes_says_nothing(tree: Path) -> None:
    result = checked(tree, "print('FAILED a::x - not really')")
    assert (result.changed, result.remarks) == (["one.py"], [])


def test_the_check_runs_before_anything_is_changed(tree: Path) -> None:
    result = checked(tree, "open('seen', 'a').write('new ' if new else 'old ')")
    assert result.changed == ["one.py"]
    assert (tree / "seen").read_text() == "old new "
