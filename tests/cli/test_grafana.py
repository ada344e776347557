"""The files for Prometheus, Alertmanager and Grafana, as a user writes them out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from isolation_audit.cli.commands import cli
from isolation_audit.exceptions import UsageError
from receivers import ROOT, program

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

ALERTS = "alerts/isolation-audit.rules.yml"


def written(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["grafana", str(folder), *options])


def texts(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): file.read_text()
        for file in folder.rglob("*")
        if file.suffix != ".pyc"
        if file.is_file()
    }


def test_everything_is_there_and_dashboards_are_json(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    done = written(folder)
    assert (done.exit_code, done.stderr) == (0, "")
    found = texts(folder)
    boards = [name for name in found if name.startswith("dashboards/")]
    assert {json.loads(found[name])["title"] for name in boards} == {
        "Isolation overview", "Investigate a finding", "Migration", "Auditor health and coverage",
    }  # fmt: skip
    assert {"alertmanager/alertmanager.yml", "provisioning/alerting/isolation-audit.yml", ALERTS} < found.keys()
    for link in re.findall(r"runbook_url: (\S+)", found[ALERTS]):
        assert link in found
    for name, text in found.items():
        if name.startswith("runbooks/"):
            assert "](../" not in text
    assert not any(name.endswith(".py") for name in found)
    assert (folder / ALERTS).stat().st_mode & 0o044 == 0o044 & ~_mask()


def _mask() -> int:
    import os

    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.server
def test_addresses_are_put_in_front_and_promtool_agrees(tmp_path: Path) -> None:
    done = written(tmp_path, "--runbooks", "https://wiki.example.org/run/", "--dashboards", "https://g.example.org")
    assert done.exit_code == 0
    for name in (ALERTS, "alerts/tests/isolation-audit.test.yml", "provisioning/alerting/isolation-audit.yml"):
        text = (tmp_path / name).read_text()
        links = re.findall(r"(runbook|dashboard)_url: '?(\S+)", text)
        assert links
        for kind, link in links:
            assert link.startswith(
                "https://wiki.example.org/run/IsolationAudit" if kind == "runbook" else "https://g.example.org/d/"
            )
    command = [program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", str(tmp_path / ALERTS)]
    assert subprocess.run(command, capture_output=True, timeout=280).returncode == 0


def test_a_second_time_nothing_is_written_and_other_addresses_are(tmp_path: Path) -> None:
    written(tmp_path)
    before = texts(tmp_path)
    assert " 0 of them written" in written(tmp_path).stdout
    assert texts(tmp_path) == before
    assert written(tmp_path, "--runbooks", "file:///srv/runbooks").exit_code == 0
    assert "runbook_url: file:///srv/runbooks/" in (tmp_path / ALERTS).read_text()


def test_what_somebody_has_changed_is_left_alone(tmp_path: Path) -> None:
    written(tmp_path)
    changed = tmp_path / "alertmanager" / "alertmanager.yml"
    changed.write_text("mine")
    (tmp_path / ALERTS).unlink()
    done = written(tmp_path)
    assert done.exit_code == 1
    assert done.stderr == (f"changed since it was written: {changed}\nnothing was written; --force writes over them\n")
    assert changed.read_text() == "mine"
    assert not (tmp_path / ALERTS).exists()
    assert written(tmp_path, "--force").exit_code == 0
    assert changed.read_text() != "mine"
    assert (tmp_path / ALERTS).exists()


def test_a_file_of_ones_own_with_the_same_name_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "alertmanager" / "alertmanager.yml"
    own.parent.mkdir()
    own.write_text("mine")
    (tmp_path / ".isolation-audit.json").write_text("[not json")
    assert written(tmp_path).exit_code == 1
    assert own.read_text() == "mine"


@pytest.mark.parametrize("address", ["wiki", "https://", "https://a b", "javascript://x'", "https://x/{{ y }}"])
def test_what_is_no_address_is_refused(tmp_path: Path, address: str) -> None:
    done = written(tmp_path, "--runbooks", address)
    assert done.exit_code == 2
    assert "is no address such as https://wiki.example.org/runbooks" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "isolation_audit", "grafana", str(tmp_path / "file" / "x")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=ROOT)
    assert done.returncode == 2
    assert re.fullmatch(r"error: can't write .*file.*: (Not a directory|File exists)\n", done.stderr)


def planted(folder: Path, name: str, what: str, elsewhere: Path) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if what == "a pipe":
        os.mkfifo(path)
    elif what == "a device":
        path.symlink_to("/dev/zero")
    else:
        path.symlink_to(elsewhere)


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
@pytest.mark.parametrize("what", ["a link", "a pipe", "a device"])
@pytest.mark.parametrize("name", [ALERTS, "dashboards", ".isolation-audit.json"])
def test_nothing_is_read_or_written_through_what_somebody_has_put_there(tmp_path: Path, name: str, what: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    precious = elsewhere / "precious"
    precious.write_text("as it was")
    folder = tmp_path / "out"
    planted(folder, name, what, elsewhere if name == "dashboards" else precious)
    done = written(folder, "--force")
    assert isinstance(done.exception, UsageError), done.output
    assert [(file.name, file.read_text()) for file in elsewhere.iterdir()] == [("precious", "as it was")]


def test_a_record_that_is_none_counts_as_no_record(tmp_path: Path) -> None:
    for number, text in enumerate(("[" * 100_000, "[1]", '"x"', "9" * 5_000, "\0")):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / ".isolation-audit.json").write_text(text)
        assert written(folder).exit_code == 0, text[:20]
        assert written(folder).exit_code == 0


@pytest.mark.parametrize(
    "address", ["https://user:hidden-word@wiki/", "https://user@wiki", "https://wiki/\x1b[2J", "https://wiki/\u202e"]
)
def test_addresses_with_secrets_or_signs_that_forge_are_refused(tmp_path: Path, address: str) -> None:
    for option in ("--runbooks", "--dashboards"):
        done = written(tmp_path / "out", option, address)
        assert (done.exit_code, (tmp_path / "out").exists()) == (2, False)
        assert "hidden-word" not in done.output
        assert all(line.isprintable() for line in done.output.splitlines())
