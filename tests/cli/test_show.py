"""``show``: a report as people ask for it, of a run that has ended and of one that goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from doors import CONFIG, SHOP, clean_environment, command
from doors import cli as done_by

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Shown:
    code: int
    text: str
    err: str


def cli(*words: str, cwd: Path) -> Shown:
    """A run is a process of its own; a report is read in this one."""
    done = (done_by if words[0] == "run" else command)(*words, cwd=cwd)
    return Shown(done.code, done.out.decode(), done.err)


LASTING = "import sys, shop\nshop.cross(3)\nprint('asked', flush=True)\nsys.stdin.readline()\n"


def make_shop(folder: Path) -> Path:
    (folder / "shop.py").write_text(SHOP)
    (folder / "lasting.py").write_text(LASTING)
    (folder / "isolation-audit.toml").write_text(CONFIG)
    return folder


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    return make_shop(tmp_path)


@pytest.fixture(name="run_of_all", scope="module")
def _run_of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run, of which each test has a copy."""
    folder = make_shop(tmp_path_factory.mktemp("shop"))
    cli("run", "--report", "told", "--", "-c", "import shop; shop.cross(3)", cwd=folder)
    return folder


@pytest.fixture(name="ended")
def _ended(run_of_all: Path, tmp_path: Path) -> Path:
    return shutil.copytree(run_of_all, tmp_path, dirs_exist_ok=True)


def test_a_run_that_has_ended(ended: Path) -> None:
    done = cli("show", "told", cwd=ended)
    assert done.code == 0
    assert "error[IA202]: event answer" in done.text
    assert "isolation-audit: audited\n" in done.text
    assert "IA202 3 times" in done.text
    assert done.err == ""


def test_a_run_that_goes_on_is_put_together_from_its_processes(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "isolation_audit", "run", "--report", "told", "--", "lasting.py"],
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "asked\n"
        found: dict[str, Any] = {}
        while found.get("summary", {}).get("crossing_events") != 3:
            assert process.poll() is None
            time.sleep(0.1)  # it writes twice a second
            done = cli("show", "told", "--json", cwd=folder)
            found = json.loads(done.text) if done.code == 0 else {}
        assert not (folder / "told" / "report.json").exists()
        assert found["coverage"]["verdict"] == "audited"
        assert [row["rule"] for row in found["findings"]] == ["IA202"]
        gate = cli("gate", "told", "--json", cwd=folder)
        assert json.loads(gate.text)["figures"]["crossings"] == 3
    finally:
        process.communicate("\n", timeout=60)
    assert json.loads((folder / "told" / "report.json").read_text())["summary"]["crossing_events"] == 3


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ((), True),
        (("--rule", "IA202"), True),
        (("--rule", "IA2"), True),
        (("--rule", "IA1", "--rule", "IA202"), True),
        (("--rule", "IA503"), False),
        (("--severity", "error"), True),
        (("--severity", "warning", "--severity", "note"), False),
        (("--route", "/items"), False),
        (("--user", "user-nobody"), False),
    ],
)
def test_filters(ended: Path, words: tuple[str, ...], shown: bool) -> None:
    text = cli("show", "told", *words, cwd=ended).text
    report = json.loads(cli("show", "told", "--json", *words, cwd=ended).text)
    assert ("error[IA202]" in text) is shown
    assert ("1 other finding(s) are not shown" in text) is not shown
    assert len(report["findings"]) == shown
    assert report["summary"]["crossing_events"] == 3


def test_findings_of_one_user_by_their_label(ended: Path) -> None:
    whole = json.loads(cli("show", "told", "--json", cwd=ended).text)
    label = whole["findings"][0]["witnesses"]["addressee"]
    assert len(json.loads(cli("show", "told", "--json", "--user", label, cwd=ended).text)["findings"]) == 1


def test_without_a_folder_the_configured_one_is_shown(ended: Path) -> None:
    none = cli("show", cwd=ended)
    assert (none.code, none.text) == (2, "")
    assert none.err.startswith("error: name the folder of a report, as in: isolation-audit show DIR")
    (ended / "isolation-audit.toml").write_text(CONFIG + '[report]\ndirectory = "told"\n')
    assert "error[IA202]" in cli("show", cwd=ended).text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "error: can't read none: No such file or directory"),
        ("{", "is not JSON"),
        ("[1]", "is no report of isolation-audit"),
        ('{"schema": 1}', "is no report of isolation-audit"),
        ('{"schema": 7}', "is a report of schema 7"),
    ],
)
def test_what_can_t_be_read_is_one_line_and_exit_code_2(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "none").mkdir()
        (tmp_path / "none" / "report.json").write_text(content)
    done = cli("show", "none", cwd=tmp_path)
    assert (done.code, done.text, done.err.count("\n")) == (2, "", 1)
    assert words in done.err


def test_a_pipe_is_no_report_and_nobody_waits_for_it(tmp_path) -> None:
    os.mkfifo(tmp_path / "report.json")
    for words in (("show", "report.json"), ("show", "."), ("gate", "report.json"), ("compare", "report.json", ".")):
        done = cli(*words, cwd=tmp_path)
        assert done.code == 2
        assert "is not a regular file" in done.err
