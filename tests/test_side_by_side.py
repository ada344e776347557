"""The division of the tests over processes and Pythons: nothing is left out, and no failure is lost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

import side_by_side
from doors import WITHOUT_OTHERS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("part", side_by_side.PARTS)
def test_every_file_is_in_one_group(part: str) -> None:
    files = side_by_side.files_of(part)
    groups = side_by_side.groups_of(files)
    assert Counter(file for group in groups for file in group) == Counter(files)
    assert all(groups)
    assert len(groups) > 3


def test_every_file_runs_once_or_goes_by_python_or_by_libraries() -> None:
    parts = {name: set(side_by_side.files_of(name)) for name in side_by_side.PARTS}
    assert not parts["of_python"] & parts["of_libraries"]
    only_once = parts["all"] - parts["of_python"] - parts["of_libraries"]
    assert all(file.relative_to(side_by_side.TESTS).as_posix().startswith(side_by_side.ONCE) for file in only_once)


@pytest.mark.parametrize("named", side_by_side.ONCE + side_by_side.OF_PYTHON)
def test_what_is_named_is_there(named: str) -> None:
    files = [file.relative_to(side_by_side.TESTS).as_posix() for file in side_by_side.files_of("all")]
    assert any(file.startswith(named) for file in files)


TROUBLE = {
    "test_fails.py": ("def test_one():\n    assert 'left' == 'right'\n", "AssertionError"),
    "test_exits.py": ("import os\ndef test_one():\n    os._exit(0)\n", "exit code 0"),
    "test_crashes.py": ("import os\ndef test_one():\n    os.abort()\n", "Fatal Python error: Aborted"),
    "test_imports.py": ("import no_such_module\n", "ModuleNotFoundError"),
}
"""What fails a process: its text, and what is told of it."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tests are those of this folder, each file in a process of its own."""
    monkeypatch.setattr(side_by_side, "TESTS", tmp_path)
    monkeypatch.setattr(side_by_side, "ROOT", tmp_path)
    monkeypatch.setattr(side_by_side, "GROUP", 1)
    return tmp_path


def test_each_process_that_fails_fails_the_run(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, (text, _told) in TROUBLE.items():
        (folder / name).write_text(text)
    (folder / "test_passes.py").write_text("def test_one():\n    pass\n")
    assert side_by_side.main([*WITHOUT_OTHERS, "-p", "no:cacheprovider"]) == 1
    shown = capfd.readouterr().out
    for _text, told in TROUBLE.values():
        assert told in shown
    failed = [line.rpartition(" ")[2] for line in shown.splitlines() if line.startswith("failed: ")]
    assert sorted(failed) == sorted(TROUBLE)
    assert "1 passed, " in shown


def test_a_run_without_tests_fails(folder: Path) -> None:
    (folder / "test_empty.py").touch()
    assert side_by_side.main([*WITHOUT_OTHERS, "-p", "no:cacheprovider"]) == 1
