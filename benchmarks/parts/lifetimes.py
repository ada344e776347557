"""What following lifetimes adds to a request: processor time of a server with it and without it, both audited."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.parts.web_requests import FASTAPI, clean_report, configuration, of_server
from benchmarks.programs.servers import Way, all_serving, ours
from benchmarks.rows import Effort, Measured, Row, at_most, measures
from benchmarks.timing import installed, shuffled_medians

KEY = "lifetimes_added_to_request"
BLOCKS = 15
REQUESTS = 200
_OFF = "\n[watch]\nlifetimes = false\n"


@measures("request_lifetimes", [Row(KEY, "FastAPI, small configuration, with lifetimes / without", at_most(1.02))])
def lifetimes(effort: Effort) -> Measured:
    """FastAPI with SQLAlchemy under uvicorn, with the configuration that the row of whole requests has."""
    if not installed(*FASTAPI.modules):
        return Measured(missing={KEY: f"one of {', '.join(FASTAPI.modules)} is not installed"})
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        ways = [_way(folder, "with", ""), _way(folder, "without", _OFF)]
        servers = stack.enter_context(all_serving(FASTAPI.command, ways, folder))
        timed = {one: of_server(server, effort.times(REQUESTS)) for one, server in servers.items()}
        ratios = shuffled_medians(timed, effort.times(BLOCKS), "without")
        stack.close()
        for way in ways:
            clean_report(folder / way.name)
    return Measured({KEY: ratios["with"]})


def _way(folder: Path, name: str, more: str) -> Way:
    """Under the auditor, with the small configuration and ``more``."""
    inside = folder / f"configuration-{name}"
    inside.mkdir()
    path = Path(configuration(FASTAPI, inside))
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    way = ours(str(path))
    return Way(name, way.before, way.environment)
