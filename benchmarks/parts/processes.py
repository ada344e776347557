"""What the auditor costs a process that does nothing: its start, its idle time, its memory; and our own commands."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import isolation_audit
from benchmarks.parts.web_requests import FASTAPI, USERS
from benchmarks.programs.servers import BARE, Client, Way, all_serving, ours, peers, receiver, serving
from benchmarks.rows import Effort, Figures, Measured, Row, at_most, measures
from benchmarks.timing import children_spent, clean_environment, in_turn, installed, memory_of, of_session

PEERS = ("opentelemetry", "ddtrace", "sentry")
IDLE = 6.0
_COSTS = {
    "startup_cpu_added": ("processor time until a FastAPI server listens, all processes", 0.12, "s"),
    "idle_cpu_ms_per_s_added": ("processor time of the idle server", 0.5, "ms/s"),
    "rss_added_mb": ("memory after 200 requests, all processes", 15, "MB"),
}


@measures(
    "process",
    [
        *(Row(key, f"{what}, above bare", at_most(goal), unit) for key, (what, goal, unit) in _COSTS.items()),
        *(
            Row(key.replace("_added", f"_added_{peer}"), f"{what}, under {peer}", unit=unit)
            for peer in PEERS
            for key, (what, _goal, unit) in _COSTS.items()
        ),
    ],
)
def process(effort: Effort) -> Measured:
    """A FastAPI server, under each."""
    if not installed(*FASTAPI.modules):
        return Measured(missing=dict.fromkeys(_COSTS, "fastapi, uvicorn, pyjwt or sqlalchemy is not installed"))
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        others = [way for way in peers(stack.enter_context(receiver()), "fastapi") if way.name in PEERS]
        missing = {
            key.replace("_added", f"_added_{way.name}"): way.missing for way in others if way.missing for key in _COSTS
        }
        ways = [BARE, ours(), *(way for way in others if not way.missing)]

        def started(way: Way) -> float:
            with serving(FASTAPI.command, way, folder) as server:
                return server.spent()

        start = in_turn({way.name: (lambda way=way: started(way)) for way in ways}, effort.times(3))
        found: dict[str, Figures] = {way.name: {"startup_cpu_added": start[way.name]} for way in ways}
        servers = stack.enter_context(all_serving(FASTAPI.command, ways, folder))
        for server in servers.values():
            for user in USERS:
                client = Client(server.port, user)
                for _ in range(effort.times(50)):
                    client.ask()
        time.sleep(1.0)  # what is left to do of the requests
        before = {one: server.spent() for one, server in servers.items()}
        time.sleep(IDLE * min(1.0, effort.scale))
        for one, server in servers.items():
            idle = (server.spent() - before[one]) / (IDLE * min(1.0, effort.scale)) * 1e3
            found[one] |= {"idle_cpu_ms_per_s_added": idle, "rss_added_mb": memory_of(of_session(server.session))}
    bare = found.pop("bare")
    figures: Figures = {}
    for one, costs in found.items():
        added = "_added" if one == "ours" else f"_added_{one}"
        figures |= {key.replace("_added", added): cost - bare[key] for key, cost in costs.items()}
    return Measured(figures, missing)


_PYTEST = (*("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"), "test_nothing.py")
_BOOTSTRAP = str(Path(isolation_audit.__file__).with_name("_bootstrap"))
"""As ``isolation-audit run`` puts it on PYTHONPATH."""
_COMMAND = ("-m", "isolation_audit")
_PROGRAMS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "python -c pass": (("-c", "pass"), {}),
    "ISOLATION_AUDIT=0": (("-c", "pass"), {"ISOLATION_AUDIT": "0", "PYTHONPATH": _BOOTSTRAP}),
    "ISOLATION_AUDIT=1": (("-c", "pass"), {"ISOLATION_AUDIT": "1", "PYTHONPATH": _BOOTSTRAP}),
    "import isolation_audit": (("-c", "import isolation_audit"), {}),
    "import isolation_audit.auditor": (("-c", "import isolation_audit.auditor"), {}),
    "import click": (("-c", "import click"), {}),
    "--help": ((*_COMMAND, "--help"), {}),
    "scan --help": ((*_COMMAND, "scan", "--help"), {}),
    "gate --help": ((*_COMMAND, "gate", "--help"), {}),
    "rules": ((*_COMMAND, "rules"), {}),
    "pytest without the plugin": ((*_PYTEST, "-p", "no:isolation_audit"), {}),
    "pytest, the plugin off": (_PYTEST, {}),
    "pytest --audit-isolation": ((*_PYTEST, "--audit-isolation"), {}),
}


@measures("commands", [Row(f"command_ms[{name}]", "a whole process", unit="ms") for name in _PROGRAMS], detail=True)
def commands(effort: Effort) -> Measured:
    """Whole processes, started in turn: the fewest milliseconds of processor time of each."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_nothing.py").write_text("def test_nothing(): pass\n", encoding="utf-8")
        engine = '[[engines]]\ntarget = "app:Engine"\noptional = true\n'
        Path(folder, "isolation-audit.toml").write_text(engine, encoding="utf-8")

        def whole(words: tuple[str, ...], more: dict[str, str]) -> float:
            before = children_spent()
            environment = clean_environment() | more
            subprocess.run(
                [sys.executable, *words], cwd=folder, env=environment, capture_output=True, check=True, timeout=120
            )
            return 1_000 * (children_spent() - before)

        runs = {name: (lambda words=words, more=more: whole(words, more)) for name, (words, more) in _PROGRAMS.items()}
        return Measured({f"command_ms[{name}]": ms for name, ms in in_turn(runs, effort.times(9)).items()})
