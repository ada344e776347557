"""What the auditor costs a whole application: the example chat through its ASGI interface, five events a message."""

from __future__ import annotations

from dataclasses import fields

from benchmarks.programs import wrappers
from benchmarks.rows import Effort, Measured, Row, at_most, measures
from benchmarks.timing import in_turn, installed, printed
from isolation_audit.config.model import Watch

ROUNDS = 6
MECHANISMS = tuple(field.name for field in fields(Watch))


@measures(
    "chat",
    [
        Row("chat_vs_bare", "processor time of an event, its own configuration, everything on", at_most(1.10)),
        Row("chat_unconfigured_vs_bare", "the same with nothing configured but its ContextVar"),
        Row("chat_wrapt_vs_bare", "the configured methods in wrapt wrappers that only call"),
        Row("chat_otel_vs_bare", "the configured methods in spans of OpenTelemetry's SDK, in batches"),
        Row("chat_bare_us", "an event, bare", unit="us"),
    ],
)
def chat(effort: Effort) -> Measured:
    """Processes of their own, in turn."""
    ways = ["bare", "configured", "unconfigured", "wrapt"]
    missing = {}
    if installed(*wrappers.MODULES["opentelemetry"]):
        ways.append("opentelemetry")
    else:
        missing["chat_otel_vs_bare"] = "opentelemetry-sdk is not installed"
    best = _in_turn("in_process", ways, effort)
    bare = best["bare"]
    figures = {"chat_vs_bare": best["configured"] / bare, "chat_unconfigured_vs_bare": best["unconfigured"] / bare}
    figures |= {"chat_wrapt_vs_bare": best["wrapt"] / bare, "chat_bare_us": bare}
    if "opentelemetry" in best:
        figures["chat_otel_vs_bare"] = best["opentelemetry"] / bare
    return Measured(figures, missing)


@measures(
    "mechanisms",
    [
        Row(f"chat_{driven}_vs_bare[{name}]", f"only this mechanism on, {driven.replace('_', ' ')}")
        for driven in ("in_process", "served")
        for name in ("none", *MECHANISMS, "all")
    ],
    detail=True,
)
def mechanisms(effort: Effort) -> Measured:
    """Each mechanism alone, nothing configured but the ContextVar."""
    figures = {}
    for driven in ("in_process", "served"):
        ways = {"bare": "bare", "none": "none", **{name: name for name in MECHANISMS}, "all": "+".join(MECHANISMS)}
        best = _in_turn(driven, list(ways.values()), effort)
        for name, way in ways.items():
            if name != "bare":
                figures[f"chat_{driven}_vs_bare[{name}]"] = best[way] / best["bare"]
    return Measured(figures)


def _in_turn(driven: str, ways: list[str], effort: Effort) -> dict[str, float]:
    runs = {way: (lambda way=way: printed("-m", "benchmarks.programs.chat", driven, way)) for way in ways}
    return in_turn(runs, effort.times(ROUNDS))
