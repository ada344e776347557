"""Commands on trees whose files, owners, names and reports are made to forge lines, or to be obeyed by a terminal."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from doors import CONFIG as RUN
from doors import SHOP, cli
from isolation_audit.exporters import report as reports
from trees import CONFIG, OLD, write_tree

if TYPE_CHECKING:
    from pathlib import Path

USE = "from app.old import Engine\n\nengine = Engine()\n"
FORGED = "isolation-audit: no findings"
NAME = f"a\x1b[2J\n{FORGED}\u202e`|<b>.py"
"""The name of a file: it clears the screen, begins a line, turns the writing around, and ends code, cells and tags."""

OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = write_tree(tmp_path, {**OLD, "isolation-audit.toml": CONFIG, "CODEOWNERS": "*.py @me\u202e\n"})
    try:
        (folder / NAME).write_text(USE)
    except OSError:
        pytest.skip("this file system has no such names")
    return folder


def check(text: str) -> list[str]:
    """The lines of what was shown, none of which is forged or would be obeyed."""
    assert OBEYED.search(text) is None, repr(text)
    lines = text.splitlines()
    assert not any(line.startswith(FORGED) for line in lines), text
    return lines


def test_scan(tree: Path) -> None:
    done = cli("scan", cwd=tree)
    lines = check(done.out.decode() + done.err)
    assert sum("warning[IA80" in line for line in lines) == 2
    assert f"\\x1b[2J\\n{FORGED}\\u202e" in lines[0]


def test_scan_as_markdown(tree: Path) -> None:
    done = cli("scan", "--format", "markdown", cwd=tree)
    lines = check(done.out.decode())
    assert [line for line in lines if line.startswith("## ")] == [f"## a\\\\x1b\\[2J\\\\n{FORGED}\\\\u202e\\`|\\<b>.py"]
    assert all("@me\\\\u202e" in line for line in lines if "@me" in line)


def test_scan_as_sarif_and_json(tree: Path) -> None:
    for form in ("sarif", "json"):
        text = cli("scan", "--format", form, cwd=tree).out.decode()
        assert text.isascii()
        json.loads(text)
    (first, _second) = json.loads(cli("scan", "--format", "sarif", cwd=tree).out)["runs"][0]["results"]
    assert first["message"]["text"].isprintable()
    uri = first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"[\w%.\-]+", uri), "everything else is quoted"


def test_migrate(tree: Path) -> None:
    done = cli("migrate", cwd=tree)
    lines = check(done.out.decode() + done.err)
    assert [line for line in lines if line.startswith(("--- ", "+++ "))] == [
        f'{sign} "{side}/a\\033[2J\\012{FORGED}\\342\\200\\256`|<b>.py"' for sign, side in (("---", "a"), ("+++", "b"))
    ]
    (tree / "left.py").write_text("import app.old as old\nEngine = getattr(old, 'Eng' + 'ine')\nold.Engine(*1)\n")
    check(cli("migrate", cwd=tree).err)
    applied = cli("migrate", "--apply", "--allow-dirty", cwd=tree)
    assert "UserEngine" in (tree / NAME).read_text()
    shown = check(applied.out.decode() + applied.err)
    assert sum(line.startswith("changed a\\x1b") for line in shown) == 1
    back = cli("migrate", "--rollback", "last", cwd=tree)
    assert (tree / NAME).read_text() == USE
    assert sum(line.startswith("restored a\\x1b") for line in check(back.out.decode() + back.err)) == 1


def test_a_patch_with_such_names_can_be_applied(tree: Path) -> None:
    patch = cli("migrate", cwd=tree).out
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    done = subprocess.run(["git", "apply", "-"], cwd=tree, input=patch, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "UserEngine" in (tree / NAME).read_text()


def test_progress(tree: Path) -> None:
    assert cli("progress", "--ratchet", "ratchet.json", cwd=tree).code == 0
    (tree / NAME).write_text(USE + "more = Engine(3)\n")
    for form in ("text", "markdown"):
        done = cli("progress", "--ratchet", "ratchet.json", "--format", form, cwd=tree)
        lines = check(done.out.decode() + done.err)
        assert sum("grew: " in line for line in lines) == 1, lines


def test_compat(tmp_path: Path) -> None:
    source = "class Engine:\n    def go(self, one={text!r}, k='\u202e\x1b[2J'): ...\n    def \u0430sk(self): ...\n"
    write_tree(
        tmp_path,
        {
            **OLD,
            "app/old.py": source.replace("{text!r}", f"'''\n{FORGED}'''"),
            "app/new.py": "class UserEngine:\n    def go(self, two): ...\n",
            "isolation-audit.toml": CONFIG,
        },
    )
    done = cli("compat", cwd=tmp_path)
    assert done.code == 1, done.err
    check(done.out.decode() + done.err)


def report(**finding: Any) -> dict[str, Any]:
    made = reports.empty({"id": "run", "config": None, "processes": []}, reports.TOOL)
    made["findings"] = [finding] if finding else []
    return made


def test_compare(tmp_path: Path) -> None:
    words = f"x\x1b[2J\n{FORGED}\u202e[bold]"
    found = {"rule": "IA202", "severity": "error", "fingerprint": "IA202-1\n2", "message": words, "count": 1}
    (tmp_path / "was.json").write_text(json.dumps(report()))
    (tmp_path / "now.json").write_text(json.dumps(report(**found)))
    done = cli("compare", "was.json", "now.json", cwd=tmp_path)
    lines = check(done.out.decode() + done.err)
    assert sum("\\x1b[2J\\n" + FORGED in line and "[bold]" in line for line in lines) == 1, lines


def test_show(tmp_path: Path) -> None:
    write_tree(tmp_path, {"shop.py": SHOP, "isolation-audit.toml": RUN})
    done = cli("run", "--report", "kept", "--", "-c", "import shop; shop.cross(1)", cwd=tmp_path)
    assert done.code == 0, done.err
    file = tmp_path / "kept" / "report.json"
    kept = json.loads(file.read_text())
    (finding,) = (one for one in kept["findings"] if one["rule"] == "IA202")
    words = f"x\x1b[2J\n{FORGED}\u202e"
    finding["message"] = words
    finding["site"].update(file=NAME, function=words)
    kept["targets"][0].update(target=words, state="missing", detail=words)
    file.write_text(json.dumps(kept))
    shown = cli("show", "kept", cwd=tmp_path)
    assert shown.code == 0, shown.err
    assert sum("[IA202]: x\\x1b[2J\\n" in line for line in check(shown.out.decode() + shown.err)) == 1
