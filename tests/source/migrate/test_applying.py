"""Carrying a plan out: transactions, checks, going back; what others changed is left alone."""

from __future__ import annotations

import hashlib
import shlex
import stat
import sys
from pathlib import Path

import pytest

from isolation_audit.exceptions import UsageError
from isolation_audit.source.migrate import applying
from isolation_audit.source.migrate.applying import apply_plan, recover, roll_back
from isolation_audit.source.migrate.files import TreeFile
from isolation_audit.source.migrate.journal import Journal, run_named, runs
from isolation_audit.source.migrate.lock import only_one
from isolation_audit.source.migrate.planning import Plan, make_plan
from isolation_audit.source.migrate.validation import Checks, Invalid
from trees import CONFIG, OLD, scan_tree, write_tree

FILES = {
    **OLD,
    "isolation-audit.toml": CONFIG,
    "one.py": "from app.old import Engine\n\nengine = Engine()\n",
    "two.py": "import app.old\n\n\ndef make():\n    return app.old.Engine()\n",
}


def plan_of(tree: Path) -> Plan:
    return make_plan(scan_tree(tree).source, lambda _: True)


def state(tree: Path) -> dict[str, tuple[str, int, int]]:
    """Content, mode and time of each file of the tree."""
    return {
        path.relative_to(tree).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            stat.S_IMODE(path.stat().st_mode),
            path.stat().st_mtime_ns,
        )
        for path in sorted(tree.rglob("*"))
        if path.is_file() and ".isolation-audit" not in path.parts
    }


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_tree(tmp_path, FILES)
    (tmp_path / "one.py").chmod(0o750)
    return tmp_path


def test_applied_and_rolled_back(tree: Path) -> None:
    before = state(tree)
    result = apply_plan(plan_of(tree), Checks())
    assert result.changed == ["one.py", "two.py"]
    assert (tree / "one.py").read_text() == "from app.new import UserEngine\n\nengine = UserEngine()\n"
    assert (tree / "two.py").read_text() == (
        "from app.new import UserEngine\n\n\ndef make():\n    return UserEngine()\n"
    )
    assert stat.S_IMODE((tree / "one.py").stat().st_mode) == 0o750
    assert plan_of(tree).groups == []
    files, foreign = roll_back(run_named(tree, "last"))
    assert sorted(Path(file).name for file in files) == ["one.py", "two.py"]
    assert foreign == []
    assert state(tree) == before
    with pytest.raises(UsageError, match="no migration to roll back"):
        run_named(tree, "last")


def checking(source: str) -> str:
    """A command that runs a program of Python with the changed files as its arguments."""
    return f"{sys.executable} -c {shlex.quote(source)} {{files}}"


def test_a_failed_check_restores_the_group_and_says_why(tree: Path) -> None:
    before = state(tree)
    picky = checking(
        "import sys; text = open(sys.argv[1]).read(); "
        "sys.exit('no ' + sys.argv[1] if 'def make' in text and 'app.old' not in text else 0)"
    )
    result = apply_plan(plan_of(tree), Checks(command=picky))
    assert result.changed == ["one.py"]
    ((names, reason),) = result.refused
    assert names == ["two.py"]
    assert reason.endswith("failed: no two.py")
    after = state(tree)
    assert after["two.py"] == before["two.py"]
    assert after["one.py"] != before["one.py"]


def test_a_module_that_does_not_import_is_restored(tree: Path) -> None:
    write_tree(tree, {"one.py": FILES["one.py"] + "import not_there\n"})
    before = state(tree)
    result = apply_plan(plan_of(tree), Checks(smoke=True))
    assert result.changed == ["two.py"]
    assert "one does not import: ModuleNotFoundError: No module named 'not_there'" in result.refused[0][1]
    assert state(tree)["one.py"] == before["one.py"]


def test_the_target_python_decides(tree: Path) -> None:
    refusing = tree / "python"
    refusing.write_text("#!/bin/sh\necho 'SyntaxError: not in this version' >&2\nexit 1\n")
    refusing.chmod(0o755)
    before = state(tree)
    result = apply_plan(plan_of(tree), Checks(python=str(refusing)))
    assert result.changed == []
    assert result.refused[0][1] == "one.py would not compile: SyntaxError: not in this version"
    assert state(tree) == before


def test_a_change_that_would_break_is_never_written(tree: Path) -> None:
    before = state(tree)
    plan = plan_of(tree)
    plan.groups[0][0].after = b"from app.old import (Engine\n"
    with pytest.raises(Invalid, match=r"one.py would not parse"):
        apply_plan(plan, Checks())
    plan = plan_of(tree)
    plan.groups[0][0].after = b"from app.old import Engine\n\nengine = Engine()\n# more\n"
    with pytest.raises(Invalid, match=r"one.py would still have a reference as call"):
        apply_plan(plan, Checks())
    assert state(tree) == before


WOULD_BE_WRONG = {
    "a name that others import is gone": (
        "from app.new import UserEngine\n",
        "chat.py would import Engine from handed, which has none",
    ),
    "a name that is imported is not there": (
        "from app.new import Missing as Engine\n",
        "handed.py would import Missing from app.new, which has none",
    ),
    "an annotation was made": (
        "from app.new import UserEngine as Engine\nimport app.old\nx: app.old.Engine\n",
        "handed.py would still have a reference as (annotation|import)",
    ),
    "an import was left": ("from app.old import Engine\n", "handed.py would still have a reference as from import"),
    "a string was made": (
        "from app.new import UserEngine as Engine\nX = ['app.old.Engine']\n",
        "handed.py would still have a reference as string",
    ),
}


@pytest.mark.parametrize("case", WOULD_BE_WRONG)
def test_the_whole_tree_is_looked_at_before_anything_is_written(tree: Path, case: str) -> None:
    write_tree(tree, {"handed.py": "from app.old import Engine\n", "chat.py": "from handed import Engine\nx: Engine\n"})
    before = state(tree)
    after, message = WOULD_BE_WRONG[case]
    plan = plan_of(tree)
    (change,) = (change for change in plan.changes if change.shown == "handed.py")
    change.after = after.encode()
    for group in plan.groups:
        group[:] = [change for change in group if change.shown != "chat.py"]
    with pytest.raises(Invalid, match=message):
        apply_plan(plan, Checks())
    assert state(tree) == before


def test_what_never_was_there_is_not_told(tree: Path) -> None:
    write_tree(
        tree, {"odd.py": "from app.gone import x\nfrom app.new import Nothing\nfrom app.old import Engine\nEngine()\n"}
    )
    assert "odd.py" in apply_plan(plan_of(tree), Checks()).changed


@pytest.mark.parametrize("left", ["Engine(*[1])", "x = [Engine]", "patch('handed.Engine')", "@Engine\ndef f(): pass"])
def test_what_the_plan_leaves_is_no_reason_to_refuse(tree: Path, left: str) -> None:
    source = f"from unittest.mock import patch\nfrom handed import Engine\n{left}\ne: Engine = Engine()\n"
    write_tree(tree, {"handed.py": "from app.old import Engine\n\nEngine()\n", "chat.py": source})
    assert {"handed.py", "chat.py"} <= set(apply_plan(plan_of(tree), Checks()).changed)


def test_what_changed_since_it_was_read_is_left_alone(tree: Path) -> None:
    plan = plan_of(tree)
    write_tree(tree, {"one.py": "# mine\n"})
    result = apply_plan(plan, Checks())
    assert result.changed == ["two.py"]
    assert result.refused == [(["one.py"], "one.py has changed since it was read")]
    write_tree(tree, {"two.py": "# mine, too\n"})
    files, foreign = roll_back(run_named(tree, result.run))
    assert files == []
    assert [Path(one.path).name for one in foreign] == ["two.py"]
    assert (tree / "two.py").read_text() == "# mine, too\n"


def test_an_error_in_the_middle_restores_the_group(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(
        tree, {"g/__init__.py": "from app.old import Engine\n", "g/part.py": "from g import Engine\n\nEngine()\n"}
    )
    before = state(tree)
    put = TreeFile.put

    def fail_at_the_second(file, before, data):
        if file._name == "part.py":
            raise OSError(28, "No space left on device")
        put(file, before, data)

    monkeypatch.setattr(TreeFile, "put", fail_at_the_second)
    result = apply_plan(plan_of(tree), Checks())
    assert "No space left on device" in result.refused[0][1]
    after = state(tree)
    assert {name for name in before if before[name] != after[name]} == {"one.py", "two.py"}


def test_a_journal_that_can_not_be_written_changes_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(tree)

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "begin", full)
    result = apply_plan(plan_of(tree), Checks())
    assert result.changed == []
    assert len(result.refused) == 2
    assert state(tree) == before


def test_an_interruption_restores_the_group_and_goes_on(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(tree)

    def interrupt(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(applying.Checks, "after", interrupt)
    with pytest.raises(KeyboardInterrupt):
        apply_plan(plan_of(tree), Checks())
    assert state(tree) == before
    assert recover(tree) == ([], [])


def test_a_journal_cut_short_is_read_up_to_there(tree: Path) -> None:
    before = state(tree)
    plan = plan_of(tree)
    journal = Journal.create(tree)
    change = plan.groups[0][0]
    (entry,) = journal.begin(0, {(str(tree), change.shown): (change.before, change.after)})
    journal.put(entry, change.after)
    with (journal.folder / "journal.jsonl").open("ab") as stream:
        stream.write(b'{"event": "done", "gro')
    assert state(tree) != before
    assert recover(tree) == ([change.path], [])
    assert state(tree) == before
    assert all(run.is_over for run in runs(tree))


def test_links_stay_links(tree: Path) -> None:
    (tree / "one.py").rename(tree / "real.txt")
    (tree / "one.py").symlink_to(tree / "real.txt")
    apply_plan(plan_of(tree), Checks())
    assert (tree / "one.py").is_symlink()
    assert "UserEngine" in (tree / "real.txt").read_text()


def test_one_migration_at_a_time(tree: Path) -> None:
    with only_one(tree), pytest.raises(UsageError, match="another migration is running"), only_one(tree):
        pass


@pytest.mark.parametrize(
    "data",
    [
        b"# -*- coding: latin-1 -*-\r\nname = 'caf\xe9'; from app.old import Engine\r\nx = 'caf\xe9', Engine()\r\n",
        b"\xef\xbb\xbffrom app.old import Engine  # \xe4\xb8\x96\nx = '\xf0\x9f\x98\x80', Engine()",
        b"\tif 1:\n"[1:] + b"\tfrom app.old import Engine\n\tx = Engine()\x0c\n",
    ],
)
def test_bytes_that_are_not_changed_stay(tree: Path, data: bytes) -> None:
    write_tree(tree, {"odd.py": data})
    apply_plan(plan_of(tree), Checks())
    expected = data.replace(b"app.old", b"app.new").replace(b"Engine", b"UserEngine")
    assert (tree / "odd.py").read_bytes() == expected
