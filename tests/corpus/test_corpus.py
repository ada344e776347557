"""The corpus runner: what it reads from headers, and what it says of reports made up for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _runner_on_path(monkeypatch):
    # The runner is a script with its modules beside it.
    monkeypatch.syspath_prepend(str(HERE))


@pytest.mark.parametrize(
    ("line", "pins", "control"),
    [
        ("# requires: (stdlib only)", (), ()),
        ("import asyncio", (), ()),
        ("# requires: redis==4.5.3            control: redis==4.5.5", ("redis==4.5.3",), ("redis==4.5.5",)),
        ('# requires: one>=2 "two[ssl,http]<3"   (also with four==4)', ("one>=2", "two[ssl,http]<3"), ()),
        (
            "# requires: web==1 net==2  (loop=asyncio)  control: web==3 (as of (PR#7)); 4.0 again",
            ("web==1", "net==2"),
            ("web==3",),
        ),
    ],
)
def test_the_header_says_what_to_install(line, pins, control):
    from cases import read_header

    assert read_header(f"{line}\nprint('LEAK')\n") == (pins, control)


def test_the_control_version_replaces_its_namesake_only(tmp_path):
    from cases import programs

    (tmp_path / "case_one.py").write_text("# requires: Web_Server==1 net==2   control: web-server==3\n")
    (program,) = programs(tmp_path, {})
    assert program.controlled().pins == ("net==2", "web-server==3")
    assert program.controlled().clean


@pytest.mark.parametrize(
    ("last", "clean", "fine"),
    [("x -> LEAK", False, True), ("rows -> LOST", False, True), ("x -> OK", False, False), ("", False, False),
     ("x -> OK", True, True), ("x -> LEAK", True, False), ("", True, False)],
)  # fmt: skip
def test_a_program_has_to_show_what_it_is_there_for(last, clean, fine):
    from judging import as_announced

    assert as_announced(last, clean=clean) is fine


def finding(rule="IA404", severity="error", users=("alice", "bob"), file="/corpus/case_one.py"):
    site = {"file": file, "line": 3, "function": "f", "stack": [{"file": file, "line": 3, "function": "f"}]}
    witnesses = dict(zip(("ambient", "owner"), users, strict=False))
    return {
        "rule": rule, "severity": severity, "message": "", "witnesses": witnesses, "site": site, "origin": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("findings", "word"),
    [
        ([], "missed"),
        ([finding()], "found"),
        ([finding(users=("alice", "carol")), finding()], "found"),
        ([finding(file="/env/lib/python3/site-packages/cachetools/func.py")], "found"),
        ([finding(users=("alice", "carol"))], "missed"),
        ([finding(users=("alice",))], "missed"),
        ([finding(severity="note")], "missed"),
        ([finding(rule="IA904")], "missed"),
        ([finding(file="/usr/lib/python3/asyncio/tasks.py")], "missed"),
        ([finding(file="/src/isolation_audit/auditor.py")], "missed"),
    ],
)
def test_a_leak_counts_as_found_with_the_right_users_at_a_place_that_helps(findings, word):
    from cases import Expectation, Program
    from judging import verdict

    expectation = Expectation(users=("alice", "bob"))
    program = Program("one", Path("/corpus/case_one.py"), expectation=expectation)
    assert verdict(program, findings, 0.1).verdict == word
    later = Program("one", Path("/corpus/case_one.py"), expectation=Expectation(expectation.users, later="caches"))
    assert verdict(later, findings, 0.1).verdict == ("later" if word == "missed" else word)


@pytest.mark.parametrize(("findings", "word"), [([], "silent"), ([finding(severity="note", users=())], "flagged")])
def test_a_clean_program_has_to_be_silent(findings, word):
    from cases import Program
    from judging import verdict

    assert verdict(Program("one", Path("/corpus/clean_one.py"), clean=True), findings, 0.1).verdict == word


def test_every_own_program_has_its_expectation_or_is_clean():
    from cases import OWN, programs, read_expected

    own = programs(OWN, read_expected())
    assert len(own) > 10
    assert [program.name for program in own if not program.clean and not program.expectation.users] == []


def run(*words):
    return subprocess.run(
        [sys.executable, str(HERE / "run.py"), *words], capture_output=True, text=True, timeout=100, check=False
    )


def test_without_the_corpus_it_says_so_and_ends_with_two(tmp_path):
    done = run("--corpus", str(tmp_path / "none"))
    assert done.returncode == 2
    assert "no corpus in" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_program_that_does_not_leak_fails_the_run(tmp_path, monkeypatch):
    import environments
    import judging
    from cases import Expectation, Program

    class Here:
        def python(self, pins):
            return Path(sys.executable)

    (tmp_path / "case_mended.py").write_text("print('x -> OK')\n")
    program = Program("mended", tmp_path / "case_mended.py", expectation=Expectation(later="caches"))
    row = judging.judge(program, Here())
    assert (row.verdict, row.detail) == ("broken", "bare: 'x -> OK'")
    assert row.verdict in judging.FAILED

    (tmp_path / "clean_one.py").write_text("print('x -> OK')\n")
    assert judging.judge(Program("clean_one", tmp_path / "clean_one.py", clean=True), Here()).verdict == "silent"

    class Nowhere:
        def python(self, pins):
            raise environments.EnvironmentFailedError("no such version")

    assert judging.judge(program, Nowhere()).detail == "no such version"


@pytest.mark.long
def test_one_program_in_its_environment(tmp_path):
    done = run("--light", "--only", "clean_caches", "--json", "--corpus", str(tmp_path / "none"), "--environments",
               str(tmp_path / "environments"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [(row["program"], row["verdict"]) for row in json.loads(done.stdout)] == [("clean_caches", "silent")]
