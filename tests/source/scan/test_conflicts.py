"""Conflict markers: in every file of text, once, and not where a document shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from isolation_audit.source.scan import scanner
from trees import CONFIG, OLD, scan_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

CONFLICT = "<<<<<<< HEAD\none\n=======\ntwo\n>>>>>>> other\n"
DIFF3 = "<<<<<<< HEAD\none\n||||||| base\nzero\n=======\ntwo\n>>>>>>> other\n"


def told(folder: Path, files: dict[str, str | bytes], **how: object) -> list[tuple[str, str, int]]:
    outcome = scan_tree(write_tree(folder, {**OLD, "isolation-audit.toml": CONFIG, **files}), **how)
    return [(one.rule, one.file, one.line) for one in outcome.references]


@pytest.mark.parametrize(
    "name",
    [
        "NOTES.md",
        "a.txt",
        "Makefile",
        "Dockerfile",
        "run.sh",
        "app.ts",
        "index.html",
        "a.json",
        ".env",
        "a.yaml",
        "x.sql",
    ],
)
def test_in_every_file_of_text(tmp_path: Path, name: str) -> None:
    assert told(tmp_path, {name: "# title\n" + CONFLICT}) == [("IA804", name, 2)]
    assert told(tmp_path, {name: DIFF3 + "\r\n" + CONFLICT.replace("\n", "\r\n")}, parse="mentions") == [
        ("IA804", name, 1),
        ("IA804", name, 9),
    ]


@pytest.mark.parametrize("parse", ["all", "mentions"])
def test_once_where_the_file_does_not_parse_for_it(tmp_path: Path, parse: str) -> None:
    files: dict[str, str | bytes] = {"chat.py": f"from app.old import Engine\n{CONFLICT}", "plain.py": CONFLICT}
    assert told(tmp_path, files, parse=parse) == [("IA804", "chat.py", 2), ("IA804", "plain.py", 1)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("guide.md", f"```\n{CONFLICT}```\n"),
        ("guide.md", f"~~~~ text\n{CONFLICT}~~~~\n"),
        ("guide.rst", "Title\n=======\n\n>>>>>>> not one\n"),
        ("test_git.py", f'SAMPLE = """\n{CONFLICT}"""\n'),
        ("a.patch", "+<<<<<<< HEAD\n+=======\n+>>>>>>> other\n"),
        ("photo.png", CONFLICT),
        ("data.any", b"\0" + CONFLICT.encode()),
        ("half.txt", "<<<<<<< HEAD\n=======\n"),
    ],
)
def test_what_is_none(tmp_path: Path, name: str, text: str | bytes) -> None:
    assert told(tmp_path, {name: text}) == []


def test_a_conflict_that_a_fence_begins_in_is_one(tmp_path: Path) -> None:
    text = "<<<<<<< HEAD\n```\none\n=======\n```\ntwo\n>>>>>>> other\n```\n"
    assert told(tmp_path, {"guide.md": text}) == [("IA804", "guide.md", 1)]


def test_other_files_refer_to_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, {"NOTES.md": "app.old.Engine\n", "a.txt": "app.old.Engine", "a.cfg": "app.old.Engine"}) == [
        ("IA802", "a.cfg", 1)
    ]


def test_of_large_files_nothing_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "LARGEST_TEXT", 50)
    assert told(tmp_path, {"a.txt": CONFLICT, "b.txt": CONFLICT + "x" * 50}) == [("IA804", "a.txt", 1)]


def test_the_count_of_files_is_of_python(tmp_path: Path) -> None:
    write_tree(tmp_path, {**OLD, "isolation-audit.toml": CONFIG, "NOTES.md": "text", "a.txt": "text"})
    assert scan_tree(tmp_path).report()["summary"]["source"]["files"] == 3
