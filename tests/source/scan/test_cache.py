"""The cache: the same findings with it as without, whatever has happened to it or to the files."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest

from isolation_audit.config import load_config
from isolation_audit.source.scan import importing, reading
from isolation_audit.source.scan import names as names_of_files
from isolation_audit.source.scan.cache import Cache
from isolation_audit.source.scan.scanner import read_source
from trees import CONFIG, OLD, found, scan_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

LONG_AGO = 1_600_000_000


def settle(tree: Path, when: int = LONG_AGO) -> None:
    """Let the files be old: what has just changed is not kept."""
    for file in tree.rglob("*.py"):
        os.utime(file, (when, when))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_tree(
        tmp_path,
        {
            **OLD,
            "isolation-audit.toml": CONFIG,
            "app/handed.py": "from .old import Engine as Motor\n",
            "chat.py": "from app.handed import Motor\n\nmotor = Motor()\n",
            "other.py": "# Engine\n",
        },
    )
    settle(tmp_path)
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read."""
    names: list[str] = []
    contents = reading.contents

    def note(path: str) -> bytes:
        names.append(path.rpartition("/")[2])
        return contents(path)

    for module in (reading, names_of_files, importing):
        monkeypatch.setattr(module, "contents", note)
    return names


def test_a_second_scan_reads_only_what_changed(tree: Path, read: list[str]) -> None:
    first = found(scan_tree(tree, cache=True))
    assert "chat.py" in read
    read.clear()
    assert found(scan_tree(tree, cache=True)) == first
    assert not [name for name in read if name.endswith(".py")]
    write_tree(tree, {"chat.py": "from app.handed import Motor\n"})
    assert found(scan_tree(tree, cache=True)) == found(scan_tree(tree)) != first
    assert "old.py" not in read[: read.index("chat.py")]


NAMES = {
    "app/factory.py": "class ToolFactory:\n    def create(self): ...\n",
    "app/other.py": "class ToolFactory:\n    def create(self): ...\n",
    "user.py": "from app.factory import ToolFactory\n",
    "app/taken.py": "try:\n    from app.gone import Engine\nexcept ImportError:\n"
    "    from .new import UserEngine as Engine\n",
}


def told(tree: Path, *, cache: bool) -> list[tuple[str, int, str, str]]:
    """What is said of names that several things have."""
    every = scan_tree(tree, cache=cache).references
    return sorted((one.file, one.line, one.rule, one.message) for one in every if one.rule in {"IA811", "IA812"})


def test_names_are_kept_with_the_files(tree: Path, read: list[str]) -> None:
    write_tree(tree, NAMES)
    settle(tree)
    first = told(tree, cache=True)
    assert [one[:3] for one in first] == [("app/other.py", 1, "IA811"), ("app/taken.py", 4, "IA812")]
    read.clear()
    assert told(tree, cache=True) == first
    assert not [name for name in read if name.endswith(".py")]

    write_tree(tree, {"more.py": "from app.other import ToolFactory\n", "user.py": "", "app/taken.py": ""})
    settle(tree, LONG_AGO + 1)
    second = told(tree, cache=True)
    assert [one[:3] for one in second] == [("app/factory.py", 1, "IA811")], "the other one is imported now"
    assert second == told(tree, cache=False)


def test_a_run_that_asks_for_no_names_leaves_none_behind(tree: Path) -> None:
    write_tree(tree, NAMES)
    settle(tree)
    first = told(tree, cache=True)
    config = load_config(tree / "isolation-audit.toml")
    read_source(config, [tree], Cache(tree / ".isolation-audit" / "scan.json", config), names=False)
    assert told(tree, cache=True) == first


def test_a_changed_file_changes_what_others_mean(tree: Path) -> None:
    assert ("chat.py", 3, "call") in found(scan_tree(tree, cache=True))
    write_tree(tree, {"app/handed.py": "from .new import UserEngine as Motor\n"})
    settle(tree, LONG_AGO + 1)
    assert found(scan_tree(tree, cache=True)) == []
    write_tree(tree, {"app/handed.py": "from .old import Engine as Motor\n"})
    settle(tree, LONG_AGO + 2)
    assert ("chat.py", 3, "call") in found(scan_tree(tree, cache=True))


def test_files_that_have_just_changed_are_not_kept(tree: Path) -> None:
    write_tree(tree, {"chat.py": "from app.old import Engine\n"})
    scan_tree(tree, cache=True)
    kept = json.loads((tree / ".isolation-audit" / "scan.json").read_text())["files"]
    assert str(tree / "chat.py") not in kept
    assert str(tree / "other.py") in kept


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"key": 1}'])
def test_a_broken_cache_is_an_empty_one(tree: Path, content: bytes) -> None:
    clean = found(scan_tree(tree, cache=True))
    (tree / ".isolation-audit" / "scan.json").write_bytes(content)
    assert found(scan_tree(tree, cache=True)) == clean


def test_a_twisted_cache_is_read_anew(tree: Path) -> None:
    clean = found(scan_tree(tree, cache=True))
    path = tree / ".isolation-audit" / "scan.json"
    content = json.loads(path.read_text())
    for entry in content["files"].values():
        entry[2:] = [[7, None, "x"], {"a": 1}]
    path.write_text(json.dumps(content))
    assert found(scan_tree(tree, cache=True)) == clean


def test_another_configuration_starts_anew(tree: Path) -> None:
    scan_tree(tree, cache=True)
    write_tree(tree, {"isolation-audit.toml": CONFIG.replace("app.old:Engine", "app.new:UserEngine").replace(
        'replacement = "app.new:UserEngine"', "")})  # fmt: skip
    assert found(scan_tree(tree, cache=True)) == found(scan_tree(tree))


def test_parsing_everything_asks_more_than_was_kept(tree: Path) -> None:
    write_tree(tree, {"bad.py": "def broken(:\n"})
    settle(tree)
    assert ("bad.py", 1, "unparsable") not in found(scan_tree(tree, cache=True, parse="mentions"))
    assert ("bad.py", 1, "unparsable") in found(scan_tree(tree, cache=True, parse="all"))


def test_a_folder_that_can_not_be_written_keeps_nothing(tree: Path) -> None:
    (tree / ".isolation-audit").write_text("a file")
    assert found(scan_tree(tree, cache=True)) == found(scan_tree(tree))


def test_scans_at_the_same_time(tree: Path) -> None:
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(found(scan_tree(tree, cache=True)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [found(scan_tree(tree))] * 4
    assert [path.name for path in (tree / ".isolation-audit").iterdir() if path.name.startswith(".scan")] == []


def test_several_processes_find_the_same(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if threading.active_count() > 1:
        pytest.skip("forks only where there is one thread")
    alone = found(scan_tree(tree))
    monkeypatch.setattr(reading, "WORTH_A_POOL", 0)
    assert found(scan_tree(tree, jobs=2)) == alone
