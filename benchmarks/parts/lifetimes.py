"""What following lifetimes adds to a request: processor time with it and without it, both audited."""

from __future__ import annotations

from benchmarks.parts.web_requests import FASTAPI
from benchmarks.rows import Effort, Measured, Row, at_most, measures
from benchmarks.timing import figures_in_turn, installed

KEY = "lifetimes_added_to_request"
ROUNDS = 4
BLOCKS = 24


@measures(
    "request_lifetimes",
    [
        Row(KEY, "FastAPI, small configuration, with lifetimes / without", at_most(1.02)),
        Row("lifetimes_in_background", "of it: the auditor's own thread, in requests one after the other"),
    ],
)
def lifetimes(effort: Effort) -> Measured:
    """FastAPI with SQLAlchemy in one process; what the thread does is counted where it is done."""
    if not installed(*FASTAPI.modules, "httpx"):
        return Measured(missing={KEY: f"one of {', '.join(FASTAPI.modules)}, httpx is not installed"})
    program = ("-m", "benchmarks.programs.lifetimes")
    blocks = str(effort.times(BLOCKS))
    commands = {name: (*program, name, blocks) for name in ("with", "without")}
    best = figures_in_turn(commands, effort.times(ROUNDS))
    share = best["with"]["settled"]
    return Measured(
        {KEY: best["with"]["request_ms"] / best["without"]["request_ms"] + share, "lifetimes_in_background": share}
    )
