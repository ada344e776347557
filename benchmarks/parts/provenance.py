"""What keeping a request's inputs costs: bare, audited without them and with them, in turn."""

from __future__ import annotations

import asyncio
import resource
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from benchmarks.rows import Effort, Figures, Measured, NotMeasured, Row, measures
from benchmarks.timing import in_turn, installed
from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

if TYPE_CHECKING:
    from collections.abc import Callable

INPUTS = ("sqlalchemy_rows", "sqlite3_rows", "httpx_answers", "handed_over", "http_client")
"""The integrations that keep inputs, but for the request itself."""
SOAK = 10_000
CASES = ("50 rows", "1,000 rows", "an answer of 1 MB", "50 rows, one of somebody else's")


def audit(*, inputs: bool) -> Auditor:
    """With inputs, or without those that integrations of their own keep."""
    integrations = model.Integrations(disable=() if inputs else INPUTS)
    return Auditor(Config(integrations=integrations, report=model.Report(terminal=False)))


WAYS: dict[str, Callable[[], Any]] = {
    "bare": nullcontext,
    "without inputs": lambda: audit(inputs=False),
    "audited": lambda: audit(inputs=True),
}


@measures(
    "provenance",
    [
        *(Row(f"request_us[{case}, {way}]", "a request", unit="us") for case in CASES for way in WAYS),
        *(Row(f"inputs_vs_without[{case}]", "audited / audited without inputs") for case in CASES),
        Row("inputs_memory_kb_per_1000", f"memory that {SOAK:,} further requests take, for 1,000", unit="KB"),
    ],
    detail=True,
)
def provenance(effort: Effort) -> Measured:
    """Case by case."""
    if not installed("httpx", "sqlalchemy", "starlette"):
        raise NotMeasured("httpx, sqlalchemy or starlette is not installed")
    from benchmarks.programs import inputs

    inputs.fill()
    figures: Figures = {}
    for case, path in inputs.CASES.items():

        def spent(start: Callable[[], Any], path: str = path) -> float:
            with start():
                return asyncio.run(inputs.spent(path))

        best = in_turn({way: (lambda start=start: spent(start)) for way, start in WAYS.items()}, effort.times(5))
        figures |= {f"request_us[{case}, {way}]": best[way] for way in WAYS}
        figures[f"inputs_vs_without[{case}]"] = best["audited"] / best["without inputs"]
    requests = effort.times(SOAK)
    with WAYS["audited"]():
        asyncio.run(inputs.ask(inputs.CASES["50 rows"], max(1, requests // 10)))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        asyncio.run(inputs.ask(inputs.CASES["50 rows"], requests))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures["inputs_memory_kb_per_1000"] = (after - before) / requests * 1_000
    return Measured(figures)
