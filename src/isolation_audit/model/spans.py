"""Spans: which span of which trace stands for a piece of work. Nothing is sent from here; see ``exporters/otel.py``."""

from __future__ import annotations

import secrets
import sys
from typing import Any, Final, NamedTuple

from isolation_audit.model.scopes import Scope


class Place(NamedTuple):
    """One span: the id of its trace, its own id, and whether the application's sampler has taken it."""

    trace_id: int
    span_id: int
    sampled: bool = True


class Happening(NamedTuple):
    """Something that happened at one moment (Unix nanoseconds) of a piece of work."""

    at: int
    name: str
    attributes: dict[str, str]


def running_span() -> Place | None:
    """The application's current span, where it uses OpenTelemetry; its API is never imported on its behalf."""
    api: Any = sys.modules.get("opentelemetry.trace")
    if api is None or not hasattr(api, "get_current_span"):
        return None
    context = api.get_current_span().get_span_context()
    return Place(context.trace_id, context.span_id, context.trace_flags.sampled) if context.is_valid else None


def identity(scope: Scope) -> Place:
    """The span of a scope, chosen when it is first needed: by itself, by one within it that ended, by a finding."""
    if scope.span is None:
        parent = parent_of(scope)
        # Not 0, which stands for "none".
        trace_id = parent.trace_id if parent is not None else secrets.randbits(128) | 1
        scope.span = Place(trace_id, secrets.randbits(64) | 1)
    return scope.span


def parent_of(scope: Scope) -> Place | None:
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
    for name in (*_TOLD, *(("method", "route") if isinstance(scope, Unit) else ())):
        setattr(rest, name, getattr(scope, name))
    rest.span, rest.trace, rest.parent, rest.unit = identity(scope), parent_of(scope), None, None
    return rest


class Unit(Scope):
    """A request or a connection, as the span around what runs in it. It is never the current scope.

    ``used`` says that something has happened in it, or was named as the other side of that: only then it is sent.
    """

    __slots__ = ("method", "route", "used")

    def __init__(self, name: str) -> None:
        super().__init__("", name=name)
        self.used = False
        self.route: str | None = None
        self.method: str | None = None
