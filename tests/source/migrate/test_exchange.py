"""A file that somebody else writes at the worst moment keeps what they wrote."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from isolation_audit.source.migrate import files
from isolation_audit.source.migrate.files import Meanwhile, TreeFile, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OLD, NEW = b"old\n", b"new\n"
BEFORE, AFTER = digest(OLD), digest(NEW)


@pytest.fixture(params=["in one step", "in three"])
def exchanging(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With and without a system that lets two files change places."""
    if request.param == "in three":
        monkeypatch.setattr(files, "exchange", lambda *_: False)
    return request.param


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.py"
    path.write_bytes(OLD)
    path.chmod(0o751)
    return path


@contextmanager
def opened(path: Path) -> Iterator[TreeFile]:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        yield TreeFile(folder, path.name, "run")
    finally:
        os.close(folder)


def before_swap(monkeypatch: pytest.MonkeyPatch, *actions: Callable[[], object]) -> None:
    """Do something right before each exchange, one action each time."""
    swap, waiting = TreeFile._swap, list(actions)

    def swapped(file: TreeFile) -> None:
        if waiting:
            waiting.pop(0)()
        swap(file)

    monkeypatch.setattr(TreeFile, "_swap", swapped)


def saved(path: Path, text: bytes) -> None:
    """As editors save: a new file in the place of the old one."""
    path.with_name("draft").write_bytes(text)
    path.with_name("draft").replace(path)


def names(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir())


@pytest.mark.usefixtures("exchanging")
def test_there_and_back(path: Path) -> None:
    time = path.stat().st_mtime_ns
    with opened(path) as file:
        file.put(BEFORE, NEW)
        assert path.read_bytes() == NEW
        assert stat.S_IMODE(path.stat().st_mode) == 0o751
        assert file.is_settled(BEFORE, AFTER)
        assert file.undo(BEFORE, AFTER) is True
        assert (path.read_bytes(), path.stat().st_mtime_ns) == (OLD, time)
        file.put(BEFORE, NEW)
        assert file.settle(BEFORE)
        assert file.undo(BEFORE, AFTER) is None, "the old content has to come from the journal"
    assert names(path) == ["file.py"]


@pytest.mark.parametrize("save", [saved, Path.write_bytes])
def test_an_edit_right_before_the_exchange_stays(path: Path, monkeypatch: pytest.MonkeyPatch, save) -> None:
    before_swap(monkeypatch, lambda: save(path, b"theirs\n"))
    with opened(path) as file, pytest.raises(Meanwhile):
        file.put(BEFORE, NEW)
    assert path.read_bytes() == b"theirs\n"
    assert names(path) == ["file.py"]


@pytest.mark.parametrize("save", [saved, Path.write_bytes])
def test_of_two_edits_the_later_stays_and_the_other_is_put_aside(
    path: Path, monkeypatch: pytest.MonkeyPatch, save
) -> None:
    before_swap(monkeypatch, lambda: save(path, b"one\n"), lambda: save(path, b"two\n"))
    with opened(path) as file:
        with pytest.raises(Meanwhile):
            file.put(BEFORE, NEW)
        assert (path.read_bytes(), path.with_name(file.kept).read_bytes()) == (b"two\n", b"one\n")
    assert names(path) == sorted(["file.py", file.kept])


@pytest.mark.usefixtures("exchanging")
def test_an_edit_before_it_is_undone_stays(path: Path) -> None:
    with opened(path) as file:
        file.put(BEFORE, NEW)
        saved(path, b"theirs\n")
        assert not file.is_settled(BEFORE, AFTER)
        assert file.undo(BEFORE, AFTER) is False
    assert path.read_bytes() == b"theirs\n"
    assert names(path) == ["file.py"]


def test_an_edit_while_it_is_undone_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(path) as file:
        file.put(BEFORE, NEW)
        before_swap(monkeypatch, lambda: saved(path, b"theirs\n"))
        assert file.undo(BEFORE, AFTER) is False
    assert path.read_bytes() == b"theirs\n"
    assert names(path) == ["file.py"]


def test_who_writes_into_the_file_that_came_out_gets_it_back(path: Path) -> None:
    with path.open("r+b") as theirs:
        with opened(path) as file:
            patience, files._PATIENCE = files._PATIENCE, 0.02
            try:
                with pytest.raises(Meanwhile):
                    file.put(BEFORE, NEW)
            finally:
                files._PATIENCE = patience
        theirs.write(b"theirs\n")
    assert path.read_bytes() == b"theirs\n"
    assert names(path) == ["file.py"]


def test_what_was_written_into_the_old_file_before_it_went_comes_back(path: Path) -> None:
    with path.open("r+b", buffering=0) as theirs, opened(path) as file:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "is_being_written", lambda _: False)  # as where the system can't tell
            file.put(BEFORE, NEW)
            theirs.write(b"theirs\n")
            assert not file.is_settled(BEFORE, AFTER)
            assert file.undo(BEFORE, AFTER) is False
        assert path.read_bytes() == b"theirs\n"
        assert names(path) == ["file.py"]


@pytest.mark.parametrize("left", [".part", ".new", ".old"])
def test_what_a_crash_leaves_beside_the_file_is_cleared(path: Path, left: str) -> None:
    beside = path.with_name(f".file.py.run{left}")
    if left == ".old":
        os.link(path, beside)
    else:
        beside.write_bytes(NEW if left == ".new" else NEW[:2])
    with opened(path) as file:
        assert file.undo(BEFORE, AFTER) is True
    assert path.read_bytes() == OLD
    assert names(path) == ["file.py"]


def test_a_long_name(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 125 + ".py")
    path.write_bytes(OLD)
    with opened(path) as file:
        file.put(BEFORE, NEW)
        assert file.settle(BEFORE)
    assert (path.read_bytes(), names(path)) == (NEW, [path.name])
