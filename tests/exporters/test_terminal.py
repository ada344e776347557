"""Findings on a terminal: readable where they can be, harmless where they can't."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from doors import CONFIG, Project, clean_environment
from isolation_audit.exporters import terminal
from isolation_audit.exporters.base import Batch
from isolation_audit.exporters.terminal import Painter, TerminalSink, render_finding, render_summary, shorten
from isolation_audit.model.findings import Finding
from isolation_audit.model.rules import Severity
from isolation_audit.recording.recorder import Entry


def finding(file: str = "/nowhere/x.py", line: int = 7, **more: Any) -> dict[str, Any]:
    place = {"file": file, "line": line, "function": "f", "stack": []}
    return {
        "rule": "IA202",
        "severity": "error",
        "message": "event answer of user-a sent to user-b",
        "help": "address it",
        "witnesses": {"ambient": "user-a", "owner": None, "addressee": "user-b", "content": None},
        "site": {**place, "label": "sent to user-b here"},
        "origin": {**place, "label": "built for user-a here"},
    } | more


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("mode", "stream", "variables", "colored"),
    [
        ("auto", Terminal(), {}, True),
        ("auto", Terminal(), {"NO_COLOR": "1"}, False),
        ("auto", Terminal(), {"NO_COLOR": ""}, True),
        ("auto", Terminal(), {"TERM": "dumb"}, False),
        ("auto", io.StringIO(), {}, False),
        ("auto", None, {}, False),
        ("always", io.StringIO(), {"NO_COLOR": "1"}, True),
        ("never", Terminal(), {}, False),
    ],
)
def test_colors(mode: str, stream: Any, variables: dict[str, str], colored: bool, monkeypatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in Painter(mode, stream)("error", "text")) == colored


def test_a_closed_stream_has_no_colors() -> None:
    stream = io.StringIO()
    stream.close()
    assert Painter("auto", stream)("error", "text") == "text"


def test_both_places_with_their_source(tmp_path: Path) -> None:
    file = tmp_path / "source.py"
    file.write_text("first\n    emitter.emit(x)\n")
    text = render_finding(finding(str(file), 2), Painter("never"))
    assert text.splitlines() == [
        "error[IA202]: event answer of user-a sent to user-b",
        f"  --> {file}:2 in f",
        "   2 | emitter.emit(x)",
        "     | ^^^^^^^^^^^^^^^ sent to user-b here",
        f"  --> {file}:2 in f",
        "   2 | emitter.emit(x)",
        "     | ^^^^^^^^^^^^^^^ built for user-a here",
        "   = witnesses: ambient user-a, addressee user-b",
        "   = help: address it",
        "   = why: isolation-audit rules IA202",
    ]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00nonsense", b"# coding: no-such-codec\nx\n", b"\x00" * 20, b""])
def test_unreadable_source_costs_its_line_only(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "source.py"
    if content is not None:
        file.write_bytes(content)
    for line in (0, 1, 7, 10**9):
        text = render_finding(finding(str(file), line), Painter("never"))
        assert "sent to user-b here" in text
    assert "here" in render_finding(finding("<string>"), Painter("never"))
    assert "witnesses" in render_finding(finding(site=None, origin=None), Painter("never"))


def test_source_can_not_rewrite_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "source.py"
    file.write_text("x = '\x1b[2J\x07'\n")
    assert "\x1b" not in render_finding(finding(str(file), 1), Painter("never"))


def test_long_lines_are_underlined_within_reason(tmp_path: Path) -> None:
    file = tmp_path / "source.py"
    file.write_text("x = " + "1" * 5_000 + "\n")
    lines = render_finding(finding(str(file), 1), Painter("never")).splitlines()
    assert max(map(len, lines)) <= 200


def test_paths_below_the_working_folder_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shorten(str(tmp_path / "a" / "b.py")) == str(Path("a") / "b.py")
    assert shorten("/elsewhere/b.py") == "/elsewhere/b.py"

    def gone() -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(terminal.Path, "cwd", gone)
    assert shorten("/elsewhere/b.py") == "/elsewhere/b.py"


def test_summary_of_nothing_and_of_everything() -> None:
    paint = Painter("never")
    nothing = render_summary({"summary": {}, "findings": [], "targets": []}, paint)
    assert "0 of 0 targets instrumented" in nothing
    assert "no findings" in nothing
    assert "requests" not in nothing
    targets = [
        {"target": "a:A", "role": "engine", "state": "applied", "seen": 1},
        {"target": "b:B", "role": "engine", "state": "waiting", "seen": 0},
    ]
    report = {
        "summary": {"findings_dropped": 3},
        "coverage": {"verdict": "audited", "reasons": [], "requests": {"seen": 5, "known": 4}},
        "findings": [finding(count=1), finding(count=2, route="/a", method="GET", field="$.name")],
        "targets": targets,
    }
    text = render_summary(report, paint)
    for words in (
        "isolation-audit: audited",
        "5 requests, 4 of known users",
        "1 of 2 targets",
        "IA202 once: ",
        "IA202 2 times: event answer of user-a sent to user-b (GET /a, field $.name)",
        "3 further findings",
        "never watched: b:B",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("delivered", "lost", "line"),
    [
        (8, 0, "  100 % of the events of 2 users delivered"),
        (1_999, 1, "  99.9 % of the events of 2 users delivered: 9 of 10 of user-b"),
        (0, 0, None),
    ],
)
def test_the_delivery_rate_and_whose_events_were_lost(delivered: int, lost: int, line: str | None) -> None:
    by_user = {"user-b": {"events": 10, "undelivered": lost}, "user-a": {"events": 4, "undelivered": 0}}
    summary = {
        "events_delivered": delivered,
        "events_undelivered": lost,
        "users_with_events": 2,
        "events_by_user": by_user,
    }
    lines = render_summary({"summary": summary, "findings": [], "targets": []}, Painter("never")).splitlines()
    assert [one for one in lines if "delivered" in one] == ([] if line is None else [line])


def test_lines_of_the_summary_that_would_read_the_same_are_one() -> None:
    same = [finding("/nowhere/x.py", count=1), finding("/nowhere/y.py", count=2)]
    report = {"summary": {}, "findings": [*same, finding(count=4, route="/a")], "targets": []}
    lines = render_summary(report, Painter("never")).splitlines()[1:]
    words = "event answer of user-a sent to user-b"
    assert lines == [f"  IA202 3 times at 2 places: {words}", f"  IA202 4 times: {words} (/a)"]


def test_a_finding_shows_its_request_what_it_went_through_and_who_met() -> None:
    through = {"file": "/v/lib/python3.11/site-packages/flask/app.py", "line": 9, "function": "Flask.wsgi_app"}
    one = finding(route="/items/{id}", method="GET", field="$.items[3].owner")
    one["site"]["through"] = through
    one["pairs"] = [{"ambient": "user-a", "other": f"user-{n}", "count": n} for n in range(1, 6)]
    one["pairs_total"] = 9
    text = render_finding(one, Painter("never"))
    assert "through flask/app.py:9 in Flask.wsgi_app" in text
    assert "request: GET /items/{id}, field $.items[3].owner" in text
    pairs = "user-a and user-1 (once), user-a and user-2 (2 times), user-a and user-3 (3 times)"
    assert f"users: {pairs}, and 6 more pairs" in text
    assert "users:" not in render_finding(finding(pairs=one["pairs"][:1], pairs_total=1), Painter("never"))


def batch(count: int = 1) -> Batch:
    entries = [Entry(Finding("IA202", Severity.ERROR, f"words {n} ü", "help"), 1, 0.0, 0.0) for n in range(count)]
    return Batch(entries, [], lambda: {"summary": {}, "findings": [], "targets": []})


def sink_on(stream: Any, monkeypatch: pytest.MonkeyPatch) -> TerminalSink:
    monkeypatch.setattr(sys, "stderr", stream)
    return TerminalSink("auto", summary=True)


def test_standard_error_may_be_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    sink_on(None, monkeypatch).drain(batch())
    closed = io.StringIO()
    sink = sink_on(closed, monkeypatch)
    closed.close()
    sink.drain(batch())
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w", buffering=1) as broken:
        sink_on(broken, monkeypatch).drain(batch())


def test_a_stream_without_a_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    sink_on(stream, monkeypatch).drain(batch())
    assert "words 0 ü" in stream.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "utf-16", "cp037"])
def test_any_encoding(encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("w", encoding=encoding) as stream:
        sink_on(stream, monkeypatch).drain(batch())
    assert "words 0" in (tmp_path / "out").read_text(encoding)


def test_what_the_application_has_buffered_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("w", buffering=1) as stream:  # as the interpreter opens standard error
        sink = sink_on(stream, monkeypatch)
        stream.write("the application\n")
        sink.drain(batch())
    assert (tmp_path / "out").read_text().startswith("the application\nerror[IA202]")


def test_an_ascii_terminal_in_a_real_process(project: Project) -> None:
    project.write(
        "program.py", "import shop\nshop.current_user.set('a')\nshop.Emitter().emit_answer('日本', to='b')  # ü\n"
    )
    environment = clean_environment(PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    done = project.run("program.py", environment=environment)
    assert done.code == 0
    assert "error[IA202]" in done.err
    assert "\\u65e5" in done.err
    assert done.err.isascii()
    assert done.report["summary"]["faults"] == 0


def test_a_reader_who_stops_reading_does_not_hold_the_application_up(project: Project) -> None:
    """Standard error is a full pipe: the findings get lost, the application's end and the report don't."""
    program = "import shop\n" + "".join(
        f"def f{n}():\n    shop.current_user.set('a')\n    shop.Emitter().emit_answer('x', to='b')\nf{n}()\n"
        for n in range(300)
    )
    project.write("shop.py", project.folder.joinpath("shop.py").read_text())
    project.write("program.py", program)
    project.write("isolation-audit.toml", CONFIG + "\n[otlp]\ntimeout = 2.0\n")
    read_end, write_end = os.pipe()
    environment = clean_environment(ISOLATION_AUDIT_REPORT="out")
    code = "import isolation_audit.auto, runpy; runpy.run_path('program.py')"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=project.folder,
            env=environment,
            stderr=write_end,
            timeout=280,
            check=False,
        )
    finally:
        os.close(write_end)
        os.close(read_end)
    assert done.returncode == 0
    assert project.report()["summary"]["crossing_events"] == 300


def test_findings_of_several_threads_do_not_interleave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("w") as stream:
        sink = sink_on(stream, monkeypatch)
        threads = [threading.Thread(target=sink.drain, args=(batch(50),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    blocks = (tmp_path / "out").read_text().split("\n\n")
    assert len([block for block in blocks if block.startswith("error[IA202]")]) == 200
