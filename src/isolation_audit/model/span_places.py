"""Places in traces: the span that something belongs to, the application's own included."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple


class SpanPlace(NamedTuple):
    """One span: the id of its trace, its own id, and whether the application's sampler has taken it."""

    trace_id: int
    span_id: int
    sampled: bool = True


class Happening(NamedTuple):
    """Something that happened at one moment (Unix nanoseconds) of a piece of work."""

    at: int
    name: str
    attributes: dict[str, str]


def running_span() -> SpanPlace | None:
    """The application's current span, where it uses OpenTelemetry; its API is never imported on its behalf."""
    api: Any = sys.modules.get("opentelemetry.trace")
    if api is None or not hasattr(api, "get_current_span"):
        return None
    context = api.get_current_span().get_span_context()
    return SpanPlace(context.trace_id, context.span_id, context.trace_flags.sampled) if context.is_valid else None
