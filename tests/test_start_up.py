"""What the doors import: the command line only what the command needs, the package only what is asked of it."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import click
import pytest

import isolation_audit
from doors import clean_environment, cli
from isolation_audit.cli.commands import _COMMANDS
from isolation_audit.cli.commands import cli as command_group
from trees import CONFIG, OLD, write_tree

if TYPE_CHECKING:
    from pathlib import Path

RUN_TIME = {
    "asyncio",
    "contextvars_extras",
    "isolation_audit.auditor",
    "isolation_audit.rules",
    "isolation_audit.exporters",
    "isolation_audit.instrument.patching.patches",
    "isolation_audit.integrations",
    "opentelemetry",
    "prometheus_client",
    "rich",
    "wrapt",
}
"""What a command that only reads source has no use for."""


def imported(code: str, cwd: Path) -> set[str]:
    """The modules that a new Python has imported when this code is at its end."""
    code = f"import json, sys\ntry:\n    {code}\nfinally:\n    print(json.dumps([*sys.modules]), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=clean_environment(), capture_output=True, check=False
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def of_command(*words: str, cwd: Path) -> set[str]:
    return imported(f"from isolation_audit.cli.commands import cli; cli.main({[*words]!r}, standalone_mode=False)", cwd)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    write_tree(folder, {**OLD, "isolation-audit.toml": CONFIG, "chat.py": "from app.old import Engine\nEngine()\n"})
    cli("run", "--report", ".", "--", "-c", "import chat", cwd=folder)
    return folder


EXTRAS = {
    "duckdb",
    "griffe",
    "ibis",
    "jinja2",
    "opentelemetry",
    "prometheus_client",
    "pygal",
    "pytest",
    "starlette",
    "uvicorn",
    "websockets",
}
TABLES = {"rich"}
RULES = {"asyncio", "contextvars_extras", "isolation_audit.rules", "wrapt"}
"""What comes with the rules: each is beside the monitor that reports it."""

COMMANDS = {
    "--help": set(),
    "--version": set(),
    "activate --help": set(),
    "check --help": set(),
    "compare --help": RULES,
    "compat --help": set(),
    "deactivate --help": set(),
    "demo --help": {"asyncio"},
    "demo --list-faults": RULES,
    "explain --help": set(),
    "gate --help": set(),
    "grafana --help": set(),
    "investigate --help": set(),
    "migrate --help": set(),
    "progress --help": RULES,
    "rules --help": set(),
    "run --help": set(),
    "scan --help": set(),
    "show --help": set(),
    "why-not --help": set(),
    "check": TABLES,
    "compare report.json report.json": RULES | TABLES,
    "gate report.json": set(),
    "migrate": set(),
    "progress --no-scan report.json": RULES | TABLES,
    "rules": RULES | TABLES,
    "run -- -c pass": RULES,  # once the program has ended
    "scan": set(),
    "explain FINGERPRINT report.json": set(),
    "show report.json": set(),
    "why-not POST report.json": set(),
}
"""What of RUN_TIME and EXTRAS each command may import."""


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_imports_only_what_it_uses(tree: Path, words: str) -> None:
    findings = json.loads((tree / "report.json").read_bytes())["findings"]
    modules = of_command(*words.replace("FINGERPRINT", findings[0]["fingerprint"]).split(), cwd=tree)
    name = words.split(maxsplit=1)[0]
    ours = {name.split(".")[2] for name in modules if name.startswith("isolation_audit.cli.")}
    export = {"isolation_audit.exporters"} if name in REPORTS else set()
    assert modules & (RUN_TIME | EXTRAS) <= COMMANDS[words] | export
    assert ours <= {name, "commands", "run_options", "say", *BESIDE.get(name, ())}


def test_a_supervisor_imports_next_to_nothing_until_the_program_has_ended(tree: Path, tmp_path: Path) -> None:
    """It is there as long as the program is, and waits."""
    started = (
        "import sys; from isolation_audit.cli import supervise\n"
        "    def start(command, environment): raise SystemExit(0)\n"
        "    supervise.Supervisor._execute = staticmethod(start)\n"
        "    sys.argv = ['isolation-audit', *{words!r}]; from isolation_audit.cli import main; main()"
    )
    without = imported(started.format(words=["run", "--report", "there", "--", "-c", "pass"]), tmp_path)
    unwanted = RUN_TIME | EXTRAS | {"click", "dataclasses", "hashlib", "inspect", "shutil", "ssl"}
    assert without & unwanted <= {"isolation_audit.exporters"}
    assert "isolation_audit.config.model" not in without
    assert "isolation_audit.config.model" in imported(started.format(words=["run", "--", "-c", "pass"]), tree)


REPORTS = {"compare", "demo", "explain", "gate", "progress", "run", "show", "why-not"}
"""Commands that read reports."""

BESIDE = {
    "activate": ("activation", "pth"),
    "compare": ("reports",),
    "deactivate": ("activation", "pth"),
    "demo": ("example", "faults"),
    "explain": ("outputs", "reports", "show"),
    "investigate": ("outputs",),
    "gate": ("reports",),
    "migrate": ("scan",),
    "progress": ("reports", "scan"),
    "rules": ("catalogue", "pages"),
    "run": ("program", "run_options", "signals", "summing_up", "supervise"),
    "show": ("outputs", "reports"),
    "why-not": ("explain", "outputs", "reports", "show"),
}
"""Files of commands that others use."""


def test_every_command_is_looked_at() -> None:
    assert {words.split()[0] for words in COMMANDS if words[0] != "-"} == set(
        command_group.list_commands(click.Context(command_group))
    ), "also a new command says what it imports"


def test_the_run_time_is_what_these_names_stand_for(tree: Path) -> None:
    # Imported when configured, by `demo`, and for callables that are no plain functions.
    of_others = {"opentelemetry", "prometheus_client", "rich", "wrapt"}
    assert imported("import isolation_audit.auditor, isolation_audit.exporters", tree) >= RUN_TIME - of_others


def test_the_package_imports_what_is_asked_of_it(tmp_path: Path) -> None:
    def ours(code: str) -> set[str]:
        return {name for name in imported(code, tmp_path) if name.startswith("isolation_audit")}

    assert ours("import isolation_audit") == {
        "isolation_audit",
        "isolation_audit._version",
        "isolation_audit.instrument",  # the package itself is empty
    }
    assert "isolation_audit.auditor" not in ours("from isolation_audit import user_scope, secret")


PYTEST = "import pytest; pytest.main(['-p', 'no:cacheprovider', 'test_one.py', {}])"


@pytest.fixture
def suite(tree: Path) -> Path:
    tree.joinpath("test_one.py").write_text("def test_one(): pass\n")
    return tree


def test_the_plugin_that_is_off_is_one_module(suite: Path) -> None:
    without, off = (imported(PYTEST.format(word), suite) for word in ("'-pno:isolation_audit'", "''"))
    assert off - without == {
        "isolation_audit",
        "isolation_audit._version",
        "isolation_audit.instrument",
        "isolation_audit.pytest_plugin",
    }


def test_the_plugin_that_is_asked_loads_the_rest(suite: Path) -> None:
    assert "isolation_audit.testing.session" in imported(PYTEST.format("'--audit-isolation'"), suite)


def test_every_public_name_is_there() -> None:
    for name in isolation_audit.__all__:
        assert name in dir(isolation_audit)
    namespace: dict[str, object] = {}
    exec("from isolation_audit import *", namespace)
    assert namespace.keys() >= set(isolation_audit.__all__)
    assert {name for name, value in namespace.items() if isinstance(value, ModuleType)} == set()
    with pytest.raises(AttributeError, match="module 'isolation_audit' has no attribute 'gone'"):
        isolation_audit.gone


@pytest.mark.parametrize("first", ["isolation_audit.instrument.barrier", "isolation_audit.auditor", "isolation_audit"])
def test_instrument_is_the_function_whatever_was_imported_first(first: str) -> None:
    code = f"import {first}\nfrom isolation_audit import instrument\nimport isolation_audit.instrument.reading.layout\n"
    code += "assert isolation_audit.instrument is instrument is isolation_audit.auditor.instrument\n"
    subprocess.run([sys.executable, "-c", code], env=clean_environment(), check=True)


def test_every_command_is_there_and_what_is_none_is_told(tmp_path: Path) -> None:
    context = click.Context(command_group)
    for name in command_group.list_commands(context):
        command = command_group.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert inspect.cleandoc(command.help).startswith(_COMMANDS[name][1].removesuffix("."))
    done = cli("scam", cwd=tmp_path)
    assert done.code == 2
    assert "No such command 'scam'" in done.err
    suggests = hasattr(click.exceptions, "NoSuchCommand")  # click 8.4
    assert ("Did you mean 'scan'?" in done.err) == suggests
    assert cli("--help", cwd=tmp_path).out.decode().count("\n  ") > len(command_group.list_commands(context))


def test_a_start_imports_what_roles_orders_and_the_journal_need_only_where_they_are_configured(tmp_path: Path) -> None:
    started = "import isolation_audit; isolation_audit.instrument(); isolation_audit.uninstrument()"
    where_configured = {
        "isolation_audit.exporters.journal",
        "isolation_audit.instrument.tracking.runs",
        "isolation_audit.targets.applying",
        "isolation_audit.targets.emission",
    }
    (tmp_path / "isolation-audit.toml").write_text("[report]\nterminal = false\n")
    assert not imported(started, tmp_path) & where_configured
    (tmp_path / "isolation-audit.toml").write_text(
        """
[journal]
path = "journal.jsonl"
[protocols.turns]
key = "run_id"
order = "started done"
[[emitters]]
target = "app:Sink"
owner = "self.user_id"
run = "args.run_id"
methods = { "*" = "*" }
"""
    )
    assert imported(started, tmp_path) >= where_configured
