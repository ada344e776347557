"""What depth ``state`` adds to a request: the application's own modules rewritten, beside depth ``calls``."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.parts.web_requests import BLOCKS, DJANGO, FASTAPI, FLASK, clean_report, of_server
from benchmarks.programs.servers import all_serving, ours
from benchmarks.rows import Effort, Figures, Measured, Row, at_most, measures
from benchmarks.timing import installed, shuffled_medians

FRAMEWORKS = (FASTAPI, FLASK, DJANGO)
MOST = 1.15


@measures(
    "state-requests",
    [Row(f"{one.name}_request_state_vs_calls", "depth state / depth calls", at_most(MOST)) for one in FRAMEWORKS],
    detail=True,
)
def state_requests(effort: Effort) -> Measured:
    """The applications of the other rows, at both depths in turn."""
    figures: Figures = {}
    missing: dict[str, str] = {}
    for framework in FRAMEWORKS:
        key = f"{framework.name}_request_state_vs_calls"
        if not installed(*framework.modules):
            missing[key] = f"one of {', '.join(framework.modules)} is not installed"
            continue
        calls = ours()
        state = replace(calls, name="state", environment={"ISOLATION_AUDIT_DEPTH": "state"})
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            servers = stack.enter_context(all_serving(framework.command, [calls, state], Path(name)))
            timed = {one: of_server(server, effort.times(framework.block)) for one, server in servers.items()}
            figures[key] = shuffled_medians(timed, effort.times(BLOCKS), "ours")["state"]
            stack.close()
            for one in ("ours", "state"):
                clean_report(Path(name) / one)
    return Measured(figures, missing)
