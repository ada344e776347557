"""What following lifetimes adds to a request: processor time with it and without it, both audited."""

from __future__ import annotations

from benchmarks.parts.web_requests import FASTAPI
from benchmarks.rows import Effort, Measured, Row, at_most, measures
from benchmarks.timing import figures_in_turn, installed

KEY = "lifetimes_added_to_request"
ROUNDS = 2
BLOCKS = 60


@measures(
    "request_lifetimes",
    [
        Row(KEY, "FastAPI, small configuration, with lifetimes / without", at_most(1.02)),
        Row("lifetimes_added_to_unit_us", "of it: a scope, an engine and a task of a request", unit="us"),
        Row("lifetimes_in_background", "of it: the auditor's own thread, in requests one after the other"),
    ],
    detail=True,
)
def lifetimes(effort: Effort) -> Measured:
    """FastAPI with SQLAlchemy in one process; what is added is measured by itself: a request is too long for it."""
    if not installed(*FASTAPI.modules, "httpx"):
        return Measured(missing={KEY: f"one of {', '.join(FASTAPI.modules)}, httpx is not installed"})
    program = ("-m", "benchmarks.programs.lifetimes")
    blocks = str(effort.times(BLOCKS))
    commands = {name: (*program, name, blocks) for name in ("with", "without")}
    best = figures_in_turn(commands, effort.times(ROUNDS))
    share, request = best["with"]["settled"], best["without"]["request_ms"] * 1e3
    added = best["with"]["unit_us"] - best["without"]["unit_us"]
    return Measured(
        {KEY: 1 + added / request + share, "lifetimes_added_to_unit_us": added, "lifetimes_in_background": share}
    )
