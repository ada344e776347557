"""Trees as they are found: links in circles, other encodings, what can't be read, what is not what it seems."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from isolation_audit.exceptions import UsageError
from isolation_audit.source.scan import reading
from trees import CONFIG, OLD, found, scan_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

USE = "from app.old import Engine\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path, {**OLD, "isolation-audit.toml": CONFIG})


def test_links_are_followed_once_and_circles_end(tree: Path) -> None:
    write_tree(tree, {"chat/talk.py": USE})
    (tree / "chat" / "again").symlink_to(tree / "chat")
    (tree / "other").symlink_to(tree / "chat")
    (tree / "talk.py").symlink_to(tree / "chat" / "talk.py")
    (tree / "nowhere.py").symlink_to(tree / "gone.py")
    (tree / "loop.py").symlink_to(tree / "loop.py")
    references = found(scan_tree(tree))
    assert [form for _, _, form in references if form == "from import"] == ["from import"]
    assert {file for file, _, form in references if form == "unreadable"} == {"loop.py", "nowhere.py"}


def test_what_we_wrote_ourselves_is_no_reference(tree: Path) -> None:
    write_tree(tree, {"chat.py": USE, "engines.json": '{"schema": 1, "engine": "app.old:Engine"}'})
    before = scan_tree(tree)
    assert [file for file, _, _ in found(before)] == ["chat.py", "engines.json"]
    write_tree(tree, {"report.json": json.dumps(before.report(), indent=1), "flat.json": json.dumps(before.report())})
    assert found(scan_tree(tree)) == found(before)


@pytest.mark.parametrize(
    "data",
    [
        b"# -*- coding: latin-1 -*-\n# caf\xe9\nfrom app.old import Engine\n",
        b"\xef\xbb\xbf#\nname = 'caf\xc3\xa9'\nfrom app.old import Engine\n",
        b"# coding: cp1252\r\ntext = '\x80'\r\nfrom app.old import Engine\r\n",
        b"x = 1\r\ry = 2; from app.old import Engine\r",
        b"x = 1\x0c\n\x0c\nfrom app.old import Engine",
        b"from app \\\n  . old \\\n  import Engine\n",
        b"if 1: x = 1\nelse:\n\tfrom\tapp.old\timport\t(Engine)\n",
    ],
)
def test_encodings_and_line_ends(tree: Path, data: bytes) -> None:
    write_tree(tree, {"chat.py": data})
    for parse in ("all", "mentions"):
        (reference,) = scan_tree(tree, parse=parse).references
        assert (reference.file, reference.form) == ("chat.py", "from import")


def test_columns_count_characters(tree: Path) -> None:
    write_tree(tree, {"chat.py": USE + 'x = ["\u00e9\u4e16\U0001f600", Engine(1)]\n'})
    call = next(one for one in scan_tree(tree).references if one.form == "call")
    assert (call.span.line, call.span.column, call.span.end_column) == (2, 12, 18)


@pytest.mark.parametrize(
    "data",
    [
        USE.encode() + b"x = '\x00'\n",
        USE.encode() + b"x = '\xff'\n",
        b"# coding: no-such\n" + USE.encode(),
        USE.encode() + b"(" * 5000 + b")" * 5000,
        USE.encode() + b"print 'hello'\n",
        USE.encode() + b"x = " + b"-" * 200_000 + b"1\n",
        USE.encode() + b"x = " + b"a." * 50_000 + b"b\n",
    ],
    ids=["nul", "utf-8", "encoding", "brackets", "python 2", "minus", "attributes"],
)
def test_files_that_do_not_parse_are_told_and_the_rest_is_scanned(tree: Path, data: bytes) -> None:
    write_tree(tree, {"bad.py": data, "chat.py": USE})
    for parse in ("all", "mentions"):
        outcome = scan_tree(tree, parse=parse)
        assert [(one.file, one.rule) for one in outcome.references] == [("bad.py", "IA807"), ("chat.py", "IA801")]


def test_small_trees_are_parsed_as_a_whole(tree: Path) -> None:
    write_tree(tree, {"bad.py": "def broken(:\n"})
    assert found(scan_tree(tree)) == [("bad.py", 1, "unparsable")]
    assert found(scan_tree(tree, parse="mentions")) == []


def test_large_files_are_not_parsed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 1000)
    write_tree(tree, {"data.py": "x = 1\n" * 1000, "large.py": USE + "x = 1\n" * 1000})
    (reference,) = scan_tree(tree).references
    assert (reference.file, reference.rule) == ("large.py", "IA807")
    assert "too large" in reference.message


def test_files_of_fifty_megabytes(tmp_path: Path) -> None:
    """Real ones: code is not parsed, and told of if it mentions what is deprecated; settings are read to their end."""
    lines = b"value_0123456789 = compute(first, second)  # a line that says nothing\n" * 725_000
    numbers = b'"n": [' + b"1234567890, " * 4_400_000 + b'0], "engine": "app.old:Engine"}\n'
    files = {
        **OLD,
        "isolation-audit.toml": CONFIG,
        "large.py": lines + b"from app.old import Engine\n",
        "lines.ini": lines + b"engine = app.old.Engine\n",
        "one_line.json": b"{" + numbers,
    }
    assert all(len(files[name]) > 50 * 1000**2 for name in ("large.py", "lines.ini", "one_line.json"))
    write_tree(tmp_path, files)
    outcome = scan_tree(tmp_path)  # in a second; were anything quadratic, not within this test's time
    assert found(outcome) == [
        ("large.py", 1, "unparsable"), ("lines.ini", 725_001, "settings file"), ("one_line.json", 1, "settings file"),
    ]  # fmt: skip


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_told(tree: Path) -> None:
    write_tree(tree, {"secret/chat.py": USE, "closed.py": USE})
    (tree / "secret").chmod(0)
    (tree / "closed.py").chmod(0)
    try:
        assert found(scan_tree(tree)) == [("closed.py", 1, "unreadable"), ("secret", 1, "unreadable")]
    finally:
        (tree / "secret").chmod(0o700)


def test_what_the_system_refuses_is_told(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tree, {"secret/chat.py": USE, "closed.py": USE})
    scandir, read = os.scandir, reading.contents

    def refuse(path):
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    def refuse_file(path):
        if path.endswith("closed.py"):
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(reading, "contents", refuse_file)
    assert found(scan_tree(tree)) == [("closed.py", 1, "unreadable"), ("secret", 1, "unreadable")]


def test_special_files_are_left_alone(tree: Path) -> None:
    os.mkfifo(tree / "pipe.py")
    assert found(scan_tree(tree)) == []


def test_environments_and_hidden_folders_are_not_read(tree: Path) -> None:
    write_tree(
        tree,
        {
            ".hidden/chat.py": USE,
            "node_modules/chat.py": USE,
            "my-env/pyvenv.cfg": "",
            "my-env/lib/chat.py": USE,
            "generated/chat.py": USE,
            "kept/chat.py": USE,
            "isolation-audit.toml": CONFIG + '[scan]\nexclude = ["generated"]\n',
        },
    )
    assert {file for file, _, _ in found(scan_tree(tree))} == {"kept/chat.py"}


def test_source_roots_and_namespace_packages(tmp_path: Path) -> None:
    use = "from app.old import Engine\nfrom .old import Engine as Mine\n"
    write_tree(
        tmp_path,
        {
            "isolation-audit.toml": CONFIG,
            "src/app/old.py": "class Engine: pass\n",
            "src/app/chat.py": use,
            "elsewhere/app/old.py": "class Engine: pass\n",
            "elsewhere/app/chat.py": "from .old import Engine\n",
        },
    )
    assert {(file, line) for file, line, _ in found(scan_tree(tmp_path))} == {
        ("src/app/chat.py", 1),
        ("src/app/chat.py", 2),
    }


def test_a_path_that_is_not_there(tree: Path) -> None:
    from isolation_audit.config import load_config
    from isolation_audit.source.scan.cache import Cache
    from isolation_audit.source.scan.scanner import read_source

    config = load_config(tree / "isolation-audit.toml")
    with pytest.raises(UsageError, match=r"can't scan .*gone: no such file"):
        read_source(config, [tree / "gone"], Cache(None, config))
