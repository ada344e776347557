"""``isolation-audit demo``: the auditor's counts against those of real clients; an application that never notices."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from doors import SCHEMA, clean_environment, cli
from isolation_audit.cli.example import example_folder

EXAMPLE = example_folder()
sys.path.insert(0, str(EXAMPLE))

from agent_chat.clients import drive  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PER_ENGINE = {
    "events_total",
    "foreign_events_seen_by_clients",
    "crossing_events",
    "deprecated_engines_built",
    "findings",
    "overhead_ratio",
    "overhead_ratio_with_model",
}


def demo(folder: Path, users: int, seed: int) -> dict[str, Any]:
    done = cli("demo", "--users", str(users), "--seed", str(seed), "--json", cwd=folder, timeout=300)
    assert done.code == 0, done.err
    return json.loads(done.out)


def check_figures(figures: dict[str, Any], users: int) -> None:
    assert set(figures) == {"schema", "users", "engines"}
    assert (figures["schema"], figures["users"], set(figures["engines"])) == (1, users, {"legacy", "user"})
    legacy, user = figures["engines"]["legacy"], figures["engines"]["user"]
    assert set(legacy) == set(user) == PER_ENGINE
    assert legacy["events_total"] == user["events_total"] > 0
    assert legacy["crossing_events"] == legacy["foreign_events_seen_by_clients"] > 0
    assert legacy["findings"]["IA202"] == legacy["crossing_events"]
    assert legacy["deprecated_engines_built"] == legacy["findings"]["IA101"] > 0
    assert (user["crossing_events"], user["foreign_events_seen_by_clients"]) == (0, 0)
    assert (user["deprecated_engines_built"], user["findings"]) == (0, {})
    for ratio in ("overhead_ratio", "overhead_ratio_with_model"):
        assert legacy[ratio] > 0 < user[ratio]


def check_reports(folder: Path) -> None:
    for engine in ("legacy", "user"):
        report = json.loads((folder / ".isolation-audit" / "demo" / engine / "report.json").read_text())
        jsonschema.validate(report, SCHEMA)
        severities = {finding["severity"] for finding in report["findings"]}
        assert severities == ({"error", "warning"} if engine == "legacy" else set())
        assert {target["state"] for target in report["targets"]} <= {"applied", "waiting"}


def test_auditor_and_clients_count_the_same(tmp_path: Path) -> None:
    check_figures(demo(tmp_path, 10, 1), 10)
    check_reports(tmp_path)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("users", "seed"), [*((10, seed) for seed in range(1, 21)), (50, 1)])
def test_auditor_and_clients_count_the_same_with_every_seed(tmp_path: Path, users: int, seed: int) -> None:
    check_figures(demo(tmp_path, users, seed), users)
    check_reports(tmp_path)


def test_the_table_fits_a_terminal_and_shows_where_engines_are_built(tmp_path: Path) -> None:
    environment = clean_environment(COLUMNS="80", PYTHONIOENCODING="ascii")
    done = cli("demo", "--users", "2", cwd=tmp_path, environment=environment)
    assert done.code == 0, done.err
    text = done.out.decode("ascii")
    assert "\x1b" not in text + done.err
    table = [line for line in text.splitlines() if line.startswith(("|", "+"))]
    assert table
    assert max(map(len, table)) <= 80
    assert "service.py:47" in text
    assert "Auditor and clients agree" in text


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    tmp_path.joinpath("file").touch()
    for words in (["--report", "file/below"], ["--users", "0"], ["--users", "many"]):
        done = cli("demo", *words, cwd=tmp_path)
        assert (done.code, done.out) == (2, b"")
        assert "Traceback" not in done.err


FAULTY = """\
import sys
from isolation_audit.rules import all_monitors

def fail(self, *arguments, **named):
    raise RuntimeError("a monitor is broken")

for monitor in all_monitors():
    for name in monitor.handlers.values():
        setattr(monitor, name, fail)

import isolation_audit
auditor = isolation_audit.instrument({config!r})
from agent_chat.__main__ import main
main()
"""


@contextmanager
def serving(way: str, engine: str, folder: Path) -> Iterator[str]:
    options = ["--engine", engine, "--port", "0", "--seed", "5", "--batch-size", "6", "--batch-window", "60"]
    program = [sys.executable, "-m", "agent_chat"]
    config = str(EXAMPLE / "isolation-audit.toml")
    if way == "audited":
        program = [sys.executable, "-m", "isolation_audit", "run", "--report", str(folder), "--", *program]
    elif way == "every monitor fails":
        program = [sys.executable, "-c", FAULTY.format(config=config)]
    errors = (folder / "stderr.txt").open("wb")
    with (
        errors,
        subprocess.Popen(
            [*program, *options], cwd=EXAMPLE, env=clean_environment(), stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        try:
            line = process.stdout.readline()
            assert b" listening on " in line, (folder / "stderr.txt").read_text()
            yield line.decode().split()[-1]
            process.terminate()
            assert process.wait(60) == 0
            assert process.stdout.read() == b""
        finally:
            process.kill()


def transcripts(way: str, engine: str, folder: Path) -> dict[str, list[str]]:
    folder.mkdir()
    with serving(way, engine, folder) as url:
        return asyncio.run(drive(url, 6, 2, 5)).transcripts


@pytest.mark.parametrize("engine", ["legacy", "user"])
def test_no_client_can_tell_an_audited_server_from_a_bare_one(tmp_path: Path, engine: str) -> None:
    """Not one byte, in any connection, in any order; also while every monitor raises at every call."""
    bare = transcripts("bare", engine, tmp_path / "bare")
    assert sum(map(len, bare.values())) == 6 * (1 + 2 * 8)
    assert transcripts("audited", engine, tmp_path / "audited") == bare
    assert transcripts("every monitor fails", engine, tmp_path / "faulty") == bare
    errors = (tmp_path / "faulty" / "stderr.txt").read_text()
    assert "Traceback" not in errors
