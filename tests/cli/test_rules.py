"""``isolation-audit rules``, the whole command group, and what it does with mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from doors import clean_environment, cli
from isolation_audit import __version__
from isolation_audit.cli.catalogue import all_rules
from isolation_audit.cli.commands import cli as command_group
from isolation_audit.cli.pages import write_pages
from isolation_audit.model.rules import Example

if TYPE_CHECKING:
    from pathlib import Path

RULES = all_rules()


def invoke(*words: str) -> str:
    result = CliRunner().invoke(command_group, words, env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result.output


def test_the_list_has_every_rule_in_eighty_columns() -> None:
    text = invoke("rules")
    for rule in RULES.values():
        assert rule.code in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("code", RULES)
def test_the_page_of_each_rule(code: str) -> None:
    rule = RULES[code]
    text = invoke("rules", code.lower())
    assert code in text
    for heading in ("What it detects", "Why it matters", "Bad", "Good", "What to do", "Signals"):
        assert heading in text
    assert rule.summary.split()[0].strip("`") in text
    if isinstance(rule.example, Example):
        assert rule.example.bad.splitlines()[-1].strip() in text


def test_json() -> None:
    listed = json.loads(invoke("rules", "--json"))
    assert [rule["code"] for rule in listed] == list(RULES)
    assert json.loads(invoke("rules", "IA202", "--json")) == next(rule for rule in listed if rule["code"] == "IA202")
    assert set(listed[0]) == {"code", "name", "severity", "summary", "why", "help", "options"}


def test_written_pages(tmp_path: Path) -> None:
    write_pages(tmp_path / "rules")
    assert {path.stem for path in (tmp_path / "rules").iterdir()} == {*RULES, "README"}


def test_an_unknown_code_is_one_line(tmp_path: Path) -> None:
    done = cli("rules", "IA999", cwd=tmp_path)
    assert (done.code, done.out) == (2, b"")
    assert done.err.startswith("error: no rule 'IA999'; the codes are IA101, ")
    assert len(done.err.splitlines()) == 1


def test_version_help_and_unknown_commands(tmp_path: Path) -> None:
    assert cli("--version", cwd=tmp_path).out.decode().split()[-1] == __version__
    for words in ([], ["-h"], ["run", "--help"], ["demo", "-h"]):
        done = cli(*words, cwd=tmp_path)
        assert b"Usage:" in done.out + done.err.encode()
    done = cli("audit", cwd=tmp_path)
    assert done.code == 2
    assert "No such command 'audit'" in done.err


def test_a_reader_who_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m isolation_audit rules IA101 | head -1"
    done = subprocess.run(["bash", "-c", command], env=clean_environment(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_ascii_terminal(tmp_path: Path) -> None:
    environment = clean_environment(PYTHONIOENCODING="ascii", COLUMNS="80")
    for words in (["rules"], ["rules", "IA101"]):
        done = cli(*words, cwd=tmp_path, environment=environment)
        assert (done.code, done.err) == (0, "")
        done.out.decode("ascii")
