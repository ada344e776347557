"""Spans: which one stands for a piece of work. Nothing is sent from here; see ``exporters/otel.py``."""

from __future__ import annotations

import secrets
from typing import Final

from isolation_audit.model.scopes import Scope, UnitSpan
from isolation_audit.model.span_places import SpanPlace


def identity(scope: Scope) -> SpanPlace:
    """The span of a scope, chosen when it is first needed: by itself, by one within it that ended, by a finding."""
    if scope.span is None:
        parent = parent_of(scope)
        # Not 0, which stands for "none".
        trace_id = parent.trace_id if parent is not None else secrets.randbits(128) | 1
        scope.span = SpanPlace(trace_id, secrets.randbits(64) | 1)
    return scope.span


def parent_of(scope: Scope) -> SpanPlace | None:
    """The scope around it, or the unit of work that it is in; else the application's own span; None for a root."""
    outer = scope.parent or scope.unit
    if outer is not None and outer.trace == scope.trace:
        return identity(outer)
    # The application began a span of its own between the two, or there is nothing around it.
    return scope.trace


_TOLD: Final = (
    *("name", "user_id", "ids", "origin", "started", "ended"),
    *("events", "crossings", "failed", "happened", "links"),
)
"""What a span says of a scope, and those of a unit below."""


def at_rest(scope: Scope) -> Scope:
    """The same for its span, and without what the application and other parts of the auditor keep with it."""
    rest = type(scope).__new__(type(scope))
    for name in (*_TOLD, *(("method", "route") if isinstance(scope, UnitSpan) else ())):
        setattr(rest, name, getattr(scope, name))
    rest.span, rest.trace, rest.parent, rest.unit = identity(scope), parent_of(scope), None, None
    return rest
