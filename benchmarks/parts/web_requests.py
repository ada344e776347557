"""What a request costs: processor time of all processes of a server, ours beside bare and beside the peers."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.programs.servers import BARE, Client, Server, all_serving, gunicorn, ours, peers, receiver, uvicorn
from benchmarks.rows import Effort, Measured, NotMeasured, Row, at_most, measures
from benchmarks.timing import ROOT, installed, shuffled_medians

if TYPE_CHECKING:
    from collections.abc import Callable

PEERS = ("opentelemetry", "ddtrace", "sentry", "sentry_without_traces")
WEB = "benchmarks.programs.web"


@dataclass(frozen=True, slots=True)
class Framework:
    """An application and its server."""

    name: str
    command: list[str]
    goal: float
    modules: tuple[str, ...]
    notes: str = f"{WEB}.notes"
    """The module of the class that the configuration tells of."""
    block: int = 150
    """Requests in a row."""

    def rows(self) -> list[Row]:
        """Its rows."""
        key = f"{self.name}_request"
        return [
            Row(f"{key}_vs_bare", "full audit, no configuration", at_most(self.goal)),
            Row(f"{key}_configured_vs_bare", "full audit, small configuration", at_most(self.goal)),
            *(Row(f"{key}_{peer}_vs_bare", f"under {peer.replace('_', ' ')}") for peer in PEERS),
            Row(f"{key}_vs_lowest_peer", "full audit, no configuration / the cheapest peer of this run", at_most(1.0)),
            Row(f"{key}_configured_vs_lowest_peer", "small configuration / the cheapest peer", at_most(1.0)),
            Row(f"{key}_bare_ms", "bare", unit="ms"),
        ]


FASTAPI = Framework("fastapi", uvicorn(f"{WEB}.fastapi_app:app"), 1.10, ("fastapi", "uvicorn", "jwt", "sqlalchemy"))
FLASK = Framework("flask", gunicorn(f"{WEB}.flask_app:app"), 1.10, ("flask", "flask_login", "gunicorn", "sqlalchemy"))
DJANGO = Framework(
    "django", gunicorn(f"{WEB}.django_app:application"), 1.06, ("django", "gunicorn", "sqlalchemy"),
    notes=f"{WEB}.django_app", block=100,
)  # fmt: skip
BLOCKS = 7
USERS = ("member-001", "member-002", "member-003", "member-004")


def configuration(framework: Framework, folder: Path) -> str:
    """A small configuration, as a file."""
    text = (ROOT / "benchmarks/programs/web/notes.toml").read_text(encoding="utf-8")
    path = folder / "isolation-audit.toml"
    path.write_text(text.replace("NOTES", framework.notes), encoding="utf-8")
    return str(path)


def of_server(server: Server, requests: int) -> Callable[[], float]:
    """Measures the processor time of so many requests of several users."""
    clients = [Client(server.port, user) for user in USERS]

    def block() -> float:
        before = server.spent()
        for number in range(requests):
            clients[number % len(clients)].ask()
        return (server.spent() - before) / requests

    block()
    return block


def clean_report(folder: Path) -> None:
    """Refuse figures of an audit that found something, or that did not know whose requests they were.

    Raises:
        NotMeasured: it was not clean.
    """
    report = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))
    errors = [one["rule"] for one in report["findings"] if one["severity"] == "error"]
    if errors or report["summary"]["faults"]:
        raise NotMeasured(f"not clean: {errors}, faults {report['summary']['faults']}")


def of_framework(framework: Framework, effort: Effort) -> Measured:
    """All ways of one framework, in shuffled blocks."""
    if not installed(*framework.modules):
        reason = f"one of {', '.join(framework.modules)} is not installed"
        return Measured(missing={row.key: reason for row in framework.rows()})
    key = f"{framework.name}_request"
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        sink = stack.enter_context(receiver())
        others = peers(sink, framework.name)
        missing = {f"{key}_{way.name}_vs_bare": way.missing for way in others if way.missing}
        ways = [BARE, ours(), ours(configuration(framework, folder)), *(way for way in others if not way.missing)]
        servers = stack.enter_context(all_serving(framework.command, ways, folder))
        timed = {one: of_server(server, effort.times(framework.block)) for one, server in servers.items()}
        ratios = shuffled_medians(timed, effort.times(BLOCKS), "bare")
        bare = min(timed["bare"]() for _ in range(2))
        stack.close()
        for one in ("ours", "ours-configured"):
            clean_report(folder / one)
    figures = {f"{key}_{one}_vs_bare": ratio for one, ratio in ratios.items() if one in PEERS}
    figures |= {
        f"{key}_vs_bare": ratios["ours"],
        f"{key}_configured_vs_bare": ratios["ours configured"],
        f"{key}_bare_ms": bare * 1e3,
    }
    lowest = min((ratio for one, ratio in ratios.items() if one in PEERS), default=None)
    if lowest is None:
        gone = (f"{key}_vs_lowest_peer", f"{key}_configured_vs_lowest_peer")
        missing |= dict.fromkeys(gone, "no peer is installed")
    else:
        figures[f"{key}_vs_lowest_peer"] = ratios["ours"] / lowest
        figures[f"{key}_configured_vs_lowest_peer"] = ratios["ours configured"] / lowest
    return Measured(figures, missing)


@measures("fastapi", FASTAPI.rows())
def fastapi(effort: Effort) -> Measured:
    """FastAPI with SQLAlchemy under uvicorn."""
    return of_framework(FASTAPI, effort)


@measures("flask", FLASK.rows())
def flask(effort: Effort) -> Measured:
    """Flask with SQLAlchemy and a template under gunicorn."""
    return of_framework(FLASK, effort)


@measures("django", DJANGO.rows())
def django(effort: Effort) -> Measured:
    """Django with its ORM and a template under gunicorn."""
    return of_framework(DJANGO, effort)
