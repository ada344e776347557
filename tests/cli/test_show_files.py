"""``show --html`` and its kin: files of a report, of a run that has ended and of one that goes on."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from doors import CONFIG, SHOP, cli, command
from sample_report import finding, report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(SHOP)
    (folder / "isolation-audit.toml").write_text(CONFIG)
    for name, call in (("earlier", "serve"), ("told", "cross")):
        cli("run", "--report", name, "--", "-c", f"import shop; shop.{call}(3)", cwd=folder)
    return folder


def test_all_four_at_once(folder: Path) -> None:
    words = ("--html", "out/r.html", "--sarif", "r.sarif", "--markdown", "r.md", "--junit", "r.xml")
    done = cli("show", "told", *words, "--against", "earlier", cwd=folder)
    assert (done.code, done.out) == (0, b"")
    html = (folder / "out" / "r.html").read_text()
    assert "Emitter().emit_answer(&#34;hello&#34;, to=&#34;bob&#34;)" in html
    assert "1 new, 0 gone" in html
    assert ">alice" not in html  # but for where the source says so
    assert stat.S_IMODE((folder / "out" / "r.html").stat().st_mode) == 0o600
    (result,) = json.loads((folder / "r.sarif").read_text())["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "shop.py"
    assert "| error | IA202 | 3 |" in (folder / "r.md").read_text()
    assert ET.parse(folder / "r.xml").getroot().get("failures") == "1"


def test_a_report_of_a_scan(folder: Path) -> None:
    (folder / "old.py").write_text("from shop import Engine\n\nEngine()\n")
    (folder / "scan.toml").write_text('[[deprecations]]\ntarget = "shop:Engine"\nreplacement = "shop:Emitter"\n')
    scanned = command("scan", "--config", "scan.toml", "--format", "json", "old.py", cwd=folder)
    (folder / "scan.json").write_bytes(scanned.out)
    text = command("show", "scan.json", "--html", "-", cwd=folder).out.decode()
    assert "Who crossed whom" not in text
    assert "old.py:3" in text


def test_a_run_that_goes_on_or_was_killed_has_its_parts_only(folder: Path) -> None:
    part = json.loads((folder / "told" / "report.json").read_text())
    (folder / "live" / "processes").mkdir(parents=True)
    (folder / "live" / "processes" / "r-1-a.json").write_text(json.dumps(part))
    assert b"<strong>1 error</strong>" in command("show", "live", "--html", "-", cwd=folder).out


def test_filters_hold_for_files_too(folder: Path) -> None:
    done = command("show", "told", "--markdown", "-", "--rule", "IA4", cwd=folder)
    assert b"No findings in what was seen." in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--html", "nodir.txt/r.html"), "error: can't write nodir.txt/r.html: nodir.txt is not a folder"),
        (("--html", "a", "--junit", "a"), "error: --junit a: another format goes there already"),
        (("--against", "earlier"), "error: --against goes with --html"),
        (("--html", "a", "--against", "none"), "error: can't read none: No such file or directory"),
    ],
)
def test_what_can_t_be_done_is_one_line(folder: Path, words: tuple[str, ...], said: str) -> None:
    (folder / "nodir.txt").write_text("")
    done = command("show", "told", *words, cwd=folder)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith(said)


@pytest.mark.parametrize(
    "told",
    [
        report(finding(pairs=3)),
        report(finding(count="x")),
        report(finding(first_seen={}, severity="fatal")),
        report(finding(witnesses=[])),
        report(summary=[]),
        {"schema": 1},
        [],
        report(finding(diagram=5)),
    ],
)
def test_a_report_of_another_form_is_told_in_one_line(tmp_path: Path, told: object) -> None:
    (tmp_path / "report.json").write_text(json.dumps(told))
    done = command("show", "report.json", "--html", "r.html", cwd=tmp_path)
    assert (done.code, done.err) == (2, "error: report.json is no report of isolation-audit\n")
    assert not (tmp_path / "r.html").exists()
