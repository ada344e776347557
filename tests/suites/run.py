"""``make suites``: the test suites of other projects, each bare and under the auditor, compared test by test.

``suites.toml`` says which. Each suite has an environment of its own, with its source distribution beside it. Exit code
1: a test ended differently, or something was reported that ``suites.toml`` does not explain.

In the audited run ``varying_users.py`` is a plugin of pytest, and its variable the application's own: each test, and
each task that a test starts, is another user's work. The leak that it holds on purpose must be reported, else the audit
has not seen any of them; how often it is reported tells how often somebody else than the first user was at work.

With ``--depth state`` the suite's own package is rewritten and watched as an application's would be. With ``--users 2``
the same two users take turns, so that each meets what the other one's tests have left.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import click
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "corpus"), str(HERE.parent)]

from environments import ROOT, Environments  # noqa: E402 - a folder beside this one

from isolation_audit.rules import all_rules  # noqa: E402
from redis_server import RedisServer, free_port  # noqa: E402 - in the folder above

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

CONFIG = """\
[report]
terminal = false

[ambient]
contextvar = "varying_users:user"

# A finding of severity error would fail the test that it is in, and here the tests' own outcome counts.
[select]
severity = { "IA*" = "note" }
"""

STATE = """
[audit]
depth = "state"

[state]
packages = {packages}
"""

LIMIT = 1800.0
"""Seconds after which a run is killed."""

ON_PURPOSE = "varying_users:visitor"
"""The target of the finding that must be there: the leak in the plugin."""

PLUGIN = "varying_users"


@dataclass(frozen=True)
class Suite:
    """One distribution's tests."""

    name: str
    version: str
    tests: str
    requires: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    redis: str = ""
    """The option that takes the URL of a Redis server; empty where none is needed."""
    findings: tuple[dict[str, str], ...] = ()
    packages: tuple[str, ...] = ()
    """What is watched at depth ``state``, where it is not called as the distribution is."""


@dataclass(frozen=True)
class Audit:
    """How the audited runs look."""

    depth: str = "calls"
    users: int = 0
    """How many users take turns; 0 for a new one each time."""

    def config(self, suite: Suite) -> str:
        """The configuration of one suite."""
        packages = suite.packages or (suite.name.replace("-", "_"),)
        return CONFIG + (STATE.format(packages=json.dumps(packages)) if self.depth == "state" else "")


@dataclass
class Row:
    """What came of one suite: outcomes of its tests, and what was reported beyond notes."""

    suite: str
    bare: dict[str, int] = field(default_factory=dict)
    audited: dict[str, int] = field(default_factory=dict)
    users: int = 0
    differences: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    faults: int = 0
    error: str = ""
    seconds: tuple[float, float] = (0.0, 0.0)
    """How long the bare run took, and the audited one."""

    @property
    def failed(self) -> bool:
        """True where something is not as it should be."""
        return bool(self.differences or self.unexplained or self.faults or self.error)


_time_of_day = re.compile(r"\b\d\d:\d\d:\d\d\b").sub
Outcomes = Counter[tuple[str, str]]


def read_suites(path: Path = HERE / "suites.toml") -> list[Suite]:
    """The suites of the table."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        Suite(
            name,
            table["version"],
            table["tests"],
            tuple(table.get("requires", ())),
            tuple(table.get("options", ())),
            table.get("redis", ""),
            tuple(table.get("findings", ())),
            tuple(table.get("packages", ())),
        )
        for name, table in tables.items()
    ]


def judge(suite: Suite, environments: Environments, sources: Path, audit: Audit) -> Row:
    """Run a suite bare, then audited."""
    row = Row(f"{suite.name} {suite.version}")
    try:
        python = environments.python((f"{suite.name}=={suite.version}", *suite.requires))
        folder = source_of(suite, sources)
        began = time.monotonic()
        bare = _run(suite, python, folder, sources / "bare.xml", [], {})
        bare_ended = time.monotonic()
        (sources / "audit.toml").write_text(audit.config(suite), encoding="utf-8")
        options = ["-p", "varying_users", "--audit-isolation"]
        options += [f"--audit-config={sources / 'audit.toml'}", f"--audit-report={sources}"]
        users_vary = {"VARYING_USERS": str(audit.users)}
        audited = _run(suite, python, folder, sources / "audited.xml", options, users_vary)
        row.seconds = (bare_ended - began, time.monotonic() - bare_ended)
        report = json.loads((sources / "report.json").read_text(encoding="utf-8"))
    except Exception as error:
        row.error = f"{type(error).__name__}: {error}"
        return row
    row.bare, row.audited = _counts(bare), _counts(audited)
    row.differences = differences(bare, audited)
    row.faults = report["summary"]["faults"]
    row.users = users(report)
    if row.users < 2:
        row.error = "the audit has not seen the users change"
    for finding in report["findings"]:
        # The plugin itself is imported before the audit begins.
        if finding["target"] not in (ON_PURPOSE, PLUGIN):
            weigh(row, suite, finding)
    return row


def users(report: dict[str, Any]) -> int:
    """How often the audit saw somebody begin to work: the first one, and all others who were given what is his.

    Where each is a new one, that is how many users it has told apart.
    """
    counts = [finding["count"] for finding in report["findings"] if finding["target"] == ON_PURPOSE]
    return 1 + sum(counts)


def source_of(suite: Suite, sources: Path) -> Path:
    """The unpacked source distribution."""
    folder = sources / "unpacked"
    if not folder.exists():
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
        wanted = [f"{suite.name}=={suite.version}", "--no-deps", f"--no-binary={suite.name}", f"--dest={sources}"]
        subprocess.run([*pip, *wanted], check=True, stdin=subprocess.DEVNULL)
        spelled = suite.name.replace("-", "_")
        (archive,) = (file for name in {suite.name, spelled} for file in sources.glob(f"{name}-{suite.version}.tar.gz"))
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    if not any(_configurations(root)):
        # pytest would look further up, and find ours.
        (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return root


def _configurations(root: Path) -> Iterator[str]:
    """Where pytest finds options of the suite's own."""
    for name, table in (("pyproject.toml", "[tool.pytest"), ("setup.cfg", "[tool:pytest]"), ("tox.ini", "[pytest]")):
        place = root / name
        if place.exists() and table in place.read_text(encoding="utf-8"):
            yield table
    for name in ("pytest.ini", ".pytest.ini"):
        if (root / name).exists():
            yield name


def _run(
    suite: Suite, python: Path, folder: Path, results: Path, options: list[str], environ: dict[str, str]
) -> Outcomes:
    results.unlink(missing_ok=True)
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={results}", suite.tests]
    server: AbstractContextManager[list[str]] = _redis(suite.redis, results.parent) if suite.redis else nullcontext([])
    with server as place, results.with_suffix(".log").open("wb") as log:
        subprocess.run(
            [*command, *suite.options, *place, *options],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(HERE), **environ},
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
        )
    return outcomes(results)


@contextmanager
def _redis(option: str, folder: Path) -> Iterator[list[str]]:
    """A new server for one run; gives pytest's option that says where it is."""
    program = shutil.which("redis-server")
    if program is None:
        raise FileNotFoundError("redis-server is not installed")
    server = RedisServer(program, free_port(), folder, ("--enable-debug-command", "local"))
    server.start()
    try:
        yield [f"{option}={server.url}"]
    finally:
        server.kill()


def outcomes(results: Path) -> Outcomes:
    """(test, how it ended) -> how often, from JUnit XML.

    Raises:
        ValueError: no test has run.
    """
    found: Outcomes = Counter()
    if results.exists():
        for case in ET.parse(results).iter("testcase"):
            ends = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
            # The time of day stands in the names of some tests that have it as a parameter.
            name = _time_of_day("hh:mm:ss", case.get("name") or "")
            found[f"{case.get('classname')}::{name}", ends[0] if ends else "passed"] += 1
    if not found:
        raise ValueError(f"no test has run, see {results.with_suffix('.log')}")
    return found


def _counts(outcomes: Outcomes) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for (_test, outcome), count in outcomes.items():
        counts[outcome] += count
    return dict(sorted(counts.items()))


def differences(bare: Outcomes, audited: Outcomes) -> list[str]:
    """A line for each test that has ended in one of the two runs only as it did."""
    apart = ((bare - audited, "only bare"), (audited - bare, "only audited"))
    return [f"{test}: {outcome} {run}" for outcomes, run in apart for test, outcome in sorted(outcomes)]


def weigh(row: Row, suite: Suite, finding: dict[str, Any]) -> None:
    """Note what was reported, unless it is a note itself."""
    severity = str(all_rules()[finding["rule"]].severity)
    if severity == "note":
        return
    site = finding["site"] or {"function": "", "file": "", "line": 0, "stack": []}
    where = f"{Path(site['file']).name}:{site['line']} {site['function']}"
    text = f"{finding['rule']} ({severity}, {finding['count']} times) {where}: {finding['message']}"
    functions = {frame["function"] for frame in site["stack"]}
    known = any(
        one["rule"] == finding["rule"] and (not one["test"] or any(one["test"] in function for function in functions))
        for one in suite.findings
    )
    if known and finding["rule"] == "IA903":
        row.faults -= finding["count"]
    (row.findings if known else row.unexplained).append(text)


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help="Run this suite; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
@click.option("--depth", type=click.Choice(["calls", "state"]), default="calls", help="How deep to look.")
@click.option(
    "--users",
    "takers",
    type=click.IntRange(min=0),
    default=0,
    help="How many users take turns (default: a new one for each test and task).",
)
@click.option(
    "--environments",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT / ".venv-suites",
    help="Where environments and source distributions are kept.",
)
def main(only: tuple[str, ...], depth: str, takers: int, folder: Path, *, as_json: bool) -> None:
    """Run the suites of suites.toml."""
    suites = read_suites()
    unknown = {*only} - {suite.name for suite in suites}
    if unknown:
        raise click.UsageError(f"no such suite: {', '.join(sorted(unknown))}")
    rows = []
    for suite in suites:
        if only and suite.name not in only:
            continue
        sources = folder.absolute() / "sources" / f"{suite.name}-{suite.version}"
        sources.mkdir(parents=True, exist_ok=True)
        rows.append(judge(suite, Environments(folder), sources, Audit(depth, takers)))
    click.echo(json.dumps([asdict(row) for row in rows], indent=1)) if as_json else _show(rows)
    sys.exit(any(row.failed for row in rows))


def _show(rows: list[Row]) -> None:
    table = Table(
        *("suite", "bare", "audited", "users", "differences", "true findings", "unexplained", "seconds"),
        box=None,
        pad_edge=False,
    )
    for row in rows:
        numbers = (row.users, len(row.differences), len(row.findings), len(row.unexplained))
        seconds = "{:.1f} -> {:.1f}".format(*row.seconds)
        table.add_row(row.suite, _words(row.bare), _words(row.audited), *map(str, numbers), seconds)
    console = Console()
    console.print(table)
    for row in rows:
        told = [*row.differences, *row.findings, *row.unexplained, *filter(None, [row.error])]
        if row.faults:
            told.append(f"{row.faults} faults of the auditor")
        for line in told:
            console.print(f"{row.suite}: {line}", markup=False, highlight=False)


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items())


if __name__ == "__main__":
    main()
