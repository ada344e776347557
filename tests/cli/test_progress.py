"""``isolation-audit progress`` on the example application before and after, with reports of its real runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from doors import Done, cli, command
from receivers import program
from trees import CONFIG, OLD, write_tree

EXAMPLE = Path(__file__).parents[2] / "examples" / "agent_chat"
ENGINE = "agent_chat.legacy_engine:ExecutionEngine"
USE = "from app.old import Engine\n\nengine = Engine(1)\n"
REPORT = {
    "schema": 1, "run": {}, "targets": [], "findings": [],
    "summary": {
        "events_total": 0, "events_undelivered": 0, "crossing_events": 0, "engines_built": 0, "scopes": 0,
        "engines_built_by_target": {}, "deprecated_engines_built": 0, "deprecated_engines_built_by_target": {},
        "findings_dropped": 0, "findings": {},
    },
}  # fmt: skip

SCAN = {
    "schema": 1, "run": {"started": 1.0}, "targets": [], "findings": [],
    "summary": {"findings": {}, "source": {"files": 1}},
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reports of the example's two engines under load: folders ``legacy`` and ``user``."""
    folder = tmp_path_factory.mktemp("runs")
    done = cli("demo", "--users", "2", "--report", str(folder), cwd=folder, timeout=280)
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    """A copy of the example application."""
    folder = tmp_path / "chat"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".isolation-audit", "__pycache__"))
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small application with two references in one phase."""
    phases = '\n[scan]\nphases = { P0 = ["chat.py"] }\n'
    return write_tree(tmp_path, {**OLD, "isolation-audit.toml": CONFIG + phases, "chat.py": USE})


def migrate(chat: Path) -> None:
    """Bind the example's legacy service to the new engine, by hand."""
    service = chat / "agent_chat" / "service.py"
    text = service.read_text().replace("from agent_chat.legacy_engine import ExecutionEngine\n", "")
    service.write_text(text.replace("return ExecutionEngine(", "return await UserExecutionEngine.create_from_legacy("))


def rows(done: Done) -> dict[str, Any]:
    return {row["figure"]: row for row in json.loads(done.out)["rows"]}


def progress(folder: Path, *words: str | Path) -> Done:
    return command("progress", *words, cwd=folder)


def test_before_and_after(chat: Path, runs: Path) -> None:
    kept = ("--history", "burndown.jsonl", "--ratchet", "ratchet.json")
    first = progress(chat, runs / "legacy", *kept, "--format", "json")
    assert first.code == 0, first.err
    before = rows(first)
    assert before["source.references"] | {"before": 2} == before["source.references"] | {"before": 2, "now": 2}
    assert before["migration.deprecated"]["now"] > 0
    assert before["isolation.crossings"]["now"] > 0
    assert before["golden_path.slow_cleanups"]["now"] is None
    (engine,) = json.loads(first.out)["engines"]
    assert (engine["target"], engine["standing"], engine["unnamed"]) == (ENGINE, "in use", [])

    migrate(chat)
    second = progress(chat, runs / "user", *kept, "--update", "--format", "json")
    assert second.code == 0, second.err
    after = rows(second)
    # Faults of names that the demo puts in on purpose stay.
    faults = {"names.definitions": (1, 1, "unchanged"), "names.fallbacks": (1, 1, "unchanged")}
    open_rows = {name: row for name, row in after.items() if row["verdict"] not in ("reached", None)}
    assert {name: (row["before"], row["now"], row["verdict"]) for name, row in open_rows.items()} == faults
    for figure in ("source.references", "migration.deprecated", "isolation.crossings"):
        assert (after[figure]["before"], after[figure]["now"]) == (before[figure]["now"], 0)
    assert (after["migration.share"]["before"], after["migration.share"]["now"]) == (0, 1)
    assert json.loads(second.out)["engines"][0]["standing"] == "gone"
    assert json.loads((chat / "ratchet.json").read_text())["references"] == {"IA810": {"-": 1}, "IA812": {"-": 1}}
    assert len((chat / "burndown.jsonl").read_text().splitlines()) == 2


def test_an_engine_that_is_built_and_nowhere_in_the_source(chat: Path, runs: Path) -> None:
    migrate(chat)
    done = progress(chat, runs / "legacy")
    assert done.code == 0
    told = f"{ENGINE} was built at run time and is not found in the source: "
    assert told in done.out.decode()
    assert "service.py:" in done.out.decode().partition(told)[2]


def test_a_name_that_is_put_together_at_run_time(tmp_path: Path) -> None:
    config = '[[deprecations]]\ntarget = "old.engine:Engine"\n\n[[deprecations]]\ntarget = "old.engine:Bus"\n'
    write_tree(
        tmp_path,
        {
            "isolation-audit.toml": config,
            "old/engine.py": "class Engine:\n    pass\n\n\nclass Bus:\n    pass\n",
            "stop.py": "from old.engine import Bus\n\n\ndef stop():\n    return Bus()\n",
            "program.py": "import importlib\n\nmodule = importlib.import_module('.'.join(('old', 'engine')))\n\n\n"
            "def build():\n    return getattr(module, 'engine'.title())()\n\n\nbuild()\nbuild()\n",
        },
    )
    ran = cli("run", "--report", "out", "--", sys.executable, "program.py", cwd=tmp_path)
    assert ran.code == 0, ran.err
    engine, bus = json.loads(progress(tmp_path, "out", "--format", "json").out)["engines"]
    assert (engine["standing"], engine["references"], engine["built"]) == ("built dynamically", 0, 2)
    (place,) = engine["unnamed"]
    assert (Path(place["file"]).name, place["line"], place["function"]) == ("program.py", 7, "build")
    assert (bus["standing"], bus["constructions"], bus["built"]) == ("never built", 1, 0)


def test_a_ratchet_is_held_against_the_same_part_of_the_tree(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "isolation-audit.toml": '[[deprecations]]\ntarget = "old:Engine"\n[scan]\nphases = { P0 = ["a"] }\n',
            "old.py": "class Engine:\n    pass\n",
            "a/x.py": "from old import Engine\n",
            "b/x.py": "from old import Engine\n",
        },
    )
    kept = ("--ratchet", "ratchet.json", "--update")
    assert progress(tmp_path, *kept).code == 0
    made = (tmp_path / "ratchet.json").read_text()
    cli("scan", "--phase", "P0", "--format", "json", "--output", "scan.json", cwd=tmp_path)
    for words, part in ((("--source", "a"), "a"), (("--scan", "scan.json"), "the whole tree in phase P0")):
        done = progress(tmp_path, *kept, *words, "--history", "history.jsonl")
        assert done.code == 2
        assert f"ratchet.json counts the whole tree, and this scan is of {part}: scan the same" in done.err
    assert (tmp_path / "ratchet.json").read_text() == made
    assert not (tmp_path / "history.jsonl").exists()
    for words in (("--source", "."), ("--source", str(tmp_path), "--source", "a"), ()):
        assert progress(tmp_path, *kept, *words).code == 0
    assert progress(tmp_path, "--ratchet", "part.json", "--source", "b/x.py", "--source", "a").code == 0
    assert json.loads((tmp_path / "part.json").read_text())["scope"] == {"paths": ["a", "b/x.py"], "phases": []}
    assert progress(tmp_path, "--ratchet", "part.json").code == 2


def test_text_shows_the_matrix_and_the_history(chat: Path, runs: Path) -> None:
    kept = ("--history", "burndown.jsonl", "--plot", "burndown.svg")
    progress(chat, runs / "legacy", *kept)
    migrate(chat)
    text = progress(chat, runs / "user", *kept).out.decode()
    lines = {line.split("│")[1].strip(): [cell.strip() for cell in line.split("│")[2:6]]
             for line in text.splitlines() if line.count("│") >= 6}  # fmt: skip
    assert lines["references and findings"] == ["2", "0", "0", "reached"]
    assert lines["share migrated"] == ["0 %", "100 %", "100 %", "reached"]
    assert "references in the source  2 █▁ 0" in text
    assert (chat / "burndown.svg").read_text().startswith("<?xml")
    without = progress(chat).out.decode()
    assert "│ Golden path" in without
    assert "unknown" in without
    assert "runs in time" not in without


def test_markdown(chat: Path, runs: Path) -> None:
    progress(chat, runs / "legacy", "--history", "h.jsonl")
    migrate(chat)
    done = progress(chat, runs / "user", "--history", "h.jsonl", "--format", "markdown", "--output", "burndown.md")
    assert (done.code, done.out) == (0, b"")
    text = (chat / "burndown.md").read_text()
    assert "| references and findings | 2 | 0 | 0 | reached |" in text
    assert f"| {ENGINE} | 0 | 0 | 0 | gone |" in text
    assert 'xychart-beta\n    title "references in the source"\n' in text
    assert "    line [2, 0]\n" in text


def test_the_ratchet(tree: Path) -> None:
    file = tree / "ratchet.json"
    made = progress(tree, "--ratchet", "ratchet.json")
    assert (made.code, "ratchet.json was made: commit it" in made.out.decode()) == (0, True)
    assert json.loads(file.read_text())["references"] == {"app.old:Engine": {"P0": 2}}
    # The ratchet names what is deprecated, and is no reference to it.
    assert progress(tree, "--ratchet", "ratchet.json").code == 0
    assert b"2 findings in 1 of" in cli("scan", cwd=tree).out

    (tree / "chat.py").write_text(USE + "engine = Engine(2)\n")
    written = file.read_bytes()
    grown = progress(tree, "--ratchet", "ratchet.json", "--update")
    assert grown.code == 1
    assert "grew: app.old:Engine in phase P0 grew from 2 to 3" in grown.out.decode()
    assert file.read_bytes() == written

    (tree / "chat.py").write_text("from app.old import Engine\n")
    told = progress(tree, "--ratchet", "ratchet.json")
    assert (told.code, file.read_bytes()) == (0, written)
    assert "the ratchet allows 1 that are gone: --update lowers it" in told.out.decode()
    assert progress(tree, "--ratchet", "ratchet.json", "--update").code == 0
    (tree / "chat.py").write_text(USE)
    assert progress(tree, "--ratchet", "ratchet.json").code == 1
    assert [path.name for path in tree.iterdir() if path.name.startswith(".ratchet")] == []


def test_what_is_new_in_another_phase_or_unreadable(tree: Path) -> None:
    progress(tree, "--ratchet", "ratchet.json")
    (tree / "talk.py").write_text("from app.old import Engine\n")
    (tree / "chat.py").write_text("<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> other\n")
    done = progress(tree, "--ratchet", "ratchet.json", "--update", "--format", "json")
    ratchet = json.loads(done.out)["ratchet"]
    assert done.code == 1
    reasons = [one["reason"] for one in ratchet["grown"]]
    assert reasons == [
        "IA804 in phase P0 is new: 1 found",
        "app.old:Engine grew from 0 to 1",
    ]
    assert "was not lowered, because more files can't be read" in ratchet["message"]


def test_the_scan_can_be_read_and_need_not_be_done(tree: Path) -> None:
    (tree / "out").mkdir()
    cli("scan", "--format", "json", "--output", "out/scan.json", cwd=tree)
    (tree / "report.json").write_text(json.dumps(REPORT))
    shutil.rmtree(tree / "app")
    assert rows(progress(tree, "--scan", "out/scan.json", "--format", "json"))["source.references"]["now"] == 2
    assert rows(progress(tree, "--source", "out", "--format", "json"))["source.references"]["now"] == 0
    alone = rows(progress(tree, "report.json", "--no-scan", "--format", "json"))
    assert alone["source.references"]["now"] is None
    assert not any(figure.startswith("source.phase") for figure in alone)


@pytest.fixture
def metrics(tree: Path) -> str:
    done = progress(tree, "--metrics", "collector/isolation_audit.prom")
    assert done.code == 0, done.err
    assert [path.name for path in (tree / "collector").iterdir()] == ["isolation_audit.prom"]
    return (tree / "collector" / "isolation_audit.prom").read_text()


def test_gauges(metrics: str) -> None:
    series = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))
    assert series['isolation_audit_source_references{phase="P0",target="app.old:Engine"}'] == "2.0"
    assert series['isolation_audit_source_references{phase="-",target="app.old:Engine"}'] == "0.0"
    assert series['isolation_audit_source_files{phase="P0",target="app.old:Engine"}'] == "1.0"
    assert series['isolation_audit_source_findings{rule="IA803"}'] == "1.0"
    assert series['isolation_audit_source_findings{rule="IA807"}'] == "0.0"
    assert series["isolation_audit_source_scanned_files"] == "4.0"
    documented = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text()
    assert {name for name in (line.partition("{")[0] for line in series) if f"`{name}`" not in documented} == set()


@pytest.mark.server
def test_promtool_finds_nothing_to_complain_about(metrics: str) -> None:
    done = subprocess.run(
        [program("promtool"), "check", "metrics"], input=metrics.encode(), capture_output=True, timeout=280, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("--no-scan",), "nothing to measure"),
        (("report.json", "--no-scan", "--source", "."), "exclude each other"),
        (("--scan", "report.json", "--source", "."), "exclude each other"),
        (("report.json", "--no-scan", "--ratchet", "r.json"), "leave --no-scan out"),
        (("report.json", "--no-scan", "--metrics", "m.prom"), "leave --no-scan out"),
        (("--update",), "name it with --ratchet"),
        (("--plot", "p.svg"), "name it with --history"),
        (("gone.json",), "can't read gone.json"),
        (("empty.json",), "is not JSON"),
        (("scan.json",), "is no report"),
        (("--scan", "report.json"), "is no report"),
        (("--source", "gone"), "can't scan"),
        (("--ratchet", "empty.json"), "is no ratchet"),
        (("--ratchet", "no/such", "--config", "gone.toml"), "gone.toml"),
        (("--history", "report.json"), "is no entry of a history"),
        (("--output", "no/such/file"), "can't write"),
        (("--metrics", "empty.json/m.prom"), "can't write"),
        (("--ratchet", "empty.json/r.json"), "can't"),
    ],
)
def test_mistakes(tree: Path, arguments: tuple[str, ...], cause: str) -> None:
    (tree / "empty.json").write_text("")
    (tree / "report.json").write_text(json.dumps(REPORT, indent=1))
    (tree / "scan.json").write_text(json.dumps(SCAN))
    done = progress(tree, *arguments)
    assert (done.code, done.out) == (2, b"")
    assert cause in done.err
    assert "Traceback" not in done.err


def test_a_mistake_writes_nothing(tree: Path) -> None:
    (tree / "ratchet.json").write_text("{}")
    assert progress(tree, "--ratchet", "ratchet.json", "--history", "h.jsonl", "--metrics", "m.prom").code == 2
    assert not (tree / "h.jsonl").exists()
    assert not (tree / "m.prom").exists()


@pytest.mark.parametrize(
    ("module", "options", "extra"),
    [("pygal", ("--history", "h.jsonl", "--plot", "p.svg"), "migrate"),
     ("prometheus_client", ("--metrics", "m.prom"), "prometheus")],
)  # fmt: skip
def test_a_part_that_is_not_installed_is_named(tree: Path, module: str, options: tuple[str, ...], extra: str) -> None:
    hidden = f"import sys; sys.modules[{module!r}] = None; from isolation_audit.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "progress", *options], cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"isolation-audit[{extra}]" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tree / "h.jsonl").exists()
