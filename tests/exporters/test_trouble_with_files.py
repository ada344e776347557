"""Ways out that can't be written to: the program starts, ends with its own code, and what was lost is counted."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from doors import CONFIG, clean_environment

if TYPE_CHECKING:
    from doors import Project

CROSS = "import sys, shop\nshop.cross(2)\nprint('up', flush=True)\nsys.exit(5)\n"


@pytest.mark.parametrize("kind", ["pipe", "folder", "below a file", "full disk"])
def test_a_journal_that_takes_nothing(project: Project, kind: str) -> None:
    path = project.folder / "journal.jsonl"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "full disk":
        path = Path("/dev/full")
        if not path.exists():
            pytest.skip("there is no /dev/full")
    else:
        path = project.write("file", "") / "journal.jsonl"
    project.write("isolation-audit.toml", CONFIG + f'[journal]\npath = "{path}"\n')
    done = project.script(CROSS)
    assert (done.code, done.out, done.crossings) == (5, b"up\n", 2)
    assert done.report["summary"]["exports"]["journal"]["lost"] == 3  # the finding, and both times
    assert done.err.count("can't be written") == 1
    assert "Traceback" not in done.err


TORN = """\
import resource
from pathlib import Path
from isolation_audit.config.outputs import Journal
from isolation_audit.exporters.journal import JournalSink
from isolation_audit.exporters.base import Batch
from isolation_audit.model.pseudonyms import Pseudonyms
from isolation_audit.model.findings import Finding
from isolation_audit.recording.recorder import Entry
from isolation_audit.model.rules import Severity

def batch(*messages):
    entries = [Entry(Finding("IA202", Severity.ERROR, message, "help"), 1, 0.0, 0.0) for message in messages]
    return Batch(entries, [], dict)

path = Path("journal.jsonl")
sink = JournalSink(path, Journal(path=path), Pseudonyms(), "run")
sink.drain(batch("first"))
room = Path("journal.jsonl").stat().st_size + 20
before = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
sink.drain(batch("second", "third"))
resource.setrlimit(resource.RLIMIT_FSIZE, before)
sink.drain(batch("fourth"))
sink.close()
print(sink.exports["lost"])
"""


def test_a_line_that_is_cut_off_spoils_no_other(project: Project) -> None:
    """The disk is full in the middle of a line, and has room again later."""
    project.write("torn.py", TORN)
    done = subprocess.run(
        [*project.command("x")[:1], "torn.py"],
        cwd=project.folder,
        env=clean_environment(),
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"2\n"
    lines = (project.folder / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["message"] for line in (lines[1], lines[-1])] == ["first", "fourth"]
    assert len(lines) == 4
    assert len(lines[2]) == 20


def test_a_full_disk_keeps_the_programs_exit_code(project: Project) -> None:
    """No file may grow at all: neither the program's part of the report nor the report itself can be written."""
    project.write("program.py", CROSS)
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *project.command("program.py")],
        cwd=project.folder,
        env=clean_environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        timeout=280,
        check=False,
    )
    err = done.stderr.decode()
    assert (done.returncode, done.stdout) == (5, b"up\n"), err
    assert "Traceback" not in err
    assert "error[IA202]" in err
    assert "no report can be written into" in err
    assert "report.json could not be written (File too large)" in err


def test_a_part_that_is_no_report_is_told_of(project: Project) -> None:
    """Something else lies where a process of the run leaves its part."""
    done = project.script(
        "import os, pathlib, shop\nshop.cross(2)\n"
        "folder, run = os.environ['ISOLATION_AUDIT_REPORT'], os.environ['ISOLATION_AUDIT_RUN']\n"
        "pathlib.Path(folder, 'processes', run + '-1-x.json').write_text('{')\n"
    )
    assert (done.code, done.crossings) == (0, 2)
    assert done.report["summary"]["parts_unreadable"] == 1
    assert "the reports of 1 process(es) could not be read" in done.err


FIFTY = """\
import shop
from isolation_audit import user_scope

for _ in range(50):
    with user_scope("alice"):
        shop.cross()
"""


def test_what_is_lost_at_the_end_is_in_the_report(project: Project, tmp_path: Path) -> None:
    """Nobody listens: the records that wait are given up when the process ends, right before its report is written."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    import socket

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        project.write(
            "isolation-audit.toml",
            CONFIG + f'[otlp]\nendpoint = "http://127.0.0.1:{port}"\nprotocol = "http/protobuf"\n',
        )
        done = project.script(FIFTY)
    assert done.code == 0, done.err
    # 50 scopes and one finding.
    assert done.report["summary"]["exports"]["otlp"]["lost"] == 51
