"""``isolation-audit scan``: formats, exit codes, and users' mistakes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import jsonschema
import pytest

from doors import SCHEMA, cli, command
from trees import CONFIG, OLD, write_tree

if TYPE_CHECKING:
    from pathlib import Path

USE = "from app.old import Engine\n\nengine = Engine(1)\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path, {**OLD, "isolation-audit.toml": CONFIG, "chat.py": USE, "CODEOWNERS": "*.py @chat\n"})


def test_text_and_exit_codes(tree: Path) -> None:
    done = cli("scan", cwd=tree)
    assert done.code == 1, done.err
    assert done.out.decode().splitlines() == [
        "chat.py:1:21: warning[IA801] from import: app.old:Engine is deprecated; use app.new:UserEngine",
        "chat.py:3:10: warning[IA803] constructor call: app.old:Engine is deprecated; use app.new:UserEngine",
        "",
        "forms: call 1, from import 1",
        "owners: @chat 2",
        "2 findings in 1 of 4 files (4 parsed)",
    ]
    (tree / "chat.py").unlink()
    done = cli("scan", ".", cwd=tree)
    assert (done.code, done.err) == (0, "")
    assert done.out.decode() == "0 findings in 0 of 3 files (3 parsed)\n"


def test_json_has_the_form_of_a_report(tree: Path) -> None:
    report = json.loads(command("scan", "--format", "json", cwd=tree).out)
    jsonschema.validate(report, SCHEMA)
    assert report["summary"]["findings"] == {"IA801": 1, "IA803": 1}
    assert report["summary"]["source"]["owners"] == {"@chat": 2}
    (target,) = report["targets"]
    assert target == {"target": "app.old:Engine", "role": "deprecation", "state": "applied", "detail": "", "seen": 2}
    call = report["findings"][1]
    assert call["source"] == {
        "form": "call", "name": "app.old.Engine", "guard": "", "column": 10, "end_line": 3, "end_column": 16,
        "arguments": {"positional": 1, "keywords": [], "unpacked": False}, "returns": [], "phase": None,
        "owners": ["@chat"],
    }  # fmt: skip
    assert call["site"]["file"] == "chat.py"
    assert call["site"]["line"] == 3


def test_output_goes_to_a_file(tree: Path) -> None:
    done = command("scan", "--format", "markdown", "--output", "report.md", cwd=tree)
    assert (done.code, done.out) == (1, b"")
    text = (tree / "report.md").read_text()
    assert "| IA803 | 1 |" in text
    assert "- line 3: **IA803** constructor call: app.old:Engine is deprecated; use app.new:UserEngine" in text


def test_names_of_files_that_are_no_text(tree: Path) -> None:
    try:
        (tree / os.fsdecode(b"odd\xff.py")).write_text(USE)
    except OSError:
        pytest.skip("this file system has no such names")
    for form in ("text", "json", "sarif", "markdown"):
        for more in ([], ["--output", "out"]):
            done = cli("scan", "--format", form, *more, cwd=tree)
            assert done.code == 1, done.err


def test_a_file_gets_no_colors(tree: Path) -> None:
    command("scan", "--output", "out.txt", cwd=tree)
    assert "\x1b" not in (tree / "out.txt").read_text()
    assert (tree / "out.txt").read_text() == command("scan", cwd=tree).out.decode()


def test_phases(tree: Path) -> None:
    write_tree(tree, {"isolation-audit.toml": CONFIG + '[scan]\nphases = { P0 = ["core"] }\n', "core/talk.py": USE})
    report = json.loads(command("scan", "--format", "json", cwd=tree).out)
    assert report["summary"]["source"]["phases"] == {"-": 2, "P0": 2}
    report = json.loads(command("scan", "--format", "json", "--phase", "P0", cwd=tree).out)
    assert {finding["site"]["file"] for finding in report["findings"]} == {"core/talk.py"}


def test_a_target_that_is_not_there_is_told(tree: Path) -> None:
    config = CONFIG + '[[deprecations]]\ntarget = "app.old:Engin"\n[[deprecations]]\ntarget = "lib.old:Engine"\n'
    write_tree(tree, {"isolation-audit.toml": config})
    out = command("scan", cwd=tree).out.decode()
    assert "note: app.old:Engin is missing: its module does not define it" in out
    assert "note: lib.old:Engine is absent: its module is not in what was scanned" in out


@pytest.mark.parametrize(
    ("words", "config", "message"),
    [
        (["nowhere"], CONFIG, "can't scan "),
        ([], "[audit]\n", "deprecates nothing"),
        ([], "nonsense", "not TOML"),
        (["--phase", "P7"], CONFIG, "no phase 'P7'; scan.phases has none"),
        (["--output", "no/such/folder"], CONFIG, "can't write no/such/folder: No such file or directory"),
        (["--format", "xml"], CONFIG, "xml"),
        (["--jobs", "0"], CONFIG, "jobs"),
        (["--config", "other.toml"], CONFIG, "does not exist"),
    ],
)
def test_mistakes_are_no_tracebacks(tree: Path, words: list[str], config: str, message: str) -> None:
    write_tree(tree, {"isolation-audit.toml": config})
    done = command("scan", *words, cwd=tree)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_without_a_configuration(tmp_path: Path) -> None:
    done = command("scan", cwd=tmp_path)
    assert done.code == 2
    assert done.err.startswith("error: no configuration found")
