"""Scopes: stretches of work for one user."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from isolation_audit.model.span_places import Happening, SpanPlace


class Scope:
    """One stretch of work.

    ``adopted`` is the raw value of the application's own variable when the scope began, ``origin`` the raw place where,
    ``trace`` the application's own span at that moment. Where spans are sent, ``span`` is the scope's own, ``unit`` the
    request that it is in, ``happened`` what its span tells of, and ``links`` the work of others that it has to do with.
    ``rebound`` has the ids of others that were bound to its user, until it is known whether the application ``refused``
    that. ``work`` is the run that this scope ``leads`` or is a part of, for the service levels. ``inputs`` is what came
    in through it, where it is a unit of work by itself; see ``model/inputs.py``.
    """

    __slots__ = (
        "__weakref__",
        "adopted",
        "crossings",
        "ended",
        "events",
        "failed",
        "happened",
        "ids",
        "inputs",
        "leads",
        "links",
        "name",
        "origin",
        "parent",
        "rebound",
        "refused",
        "span",
        "started",
        "target",
        "trace",
        "unit",
        "user_id",
        "work",
    )

    def __init__(
        self, user_id: str, name: str = "scope", parent: Scope | None = None, ids: dict[str, str] | None = None
    ) -> None:
        self.user_id = user_id
        self.name = name
        self.parent = parent
        self.ids = ids or {}
        self.adopted: Any = UNSET
        self.started = time.time_ns()
        self.ended = 0
        self.events = 0
        self.crossings = 0
        self.failed = False
        self.refused = False
        self.rebound: list[Any] | None = None
        self.trace: SpanPlace | None = None
        self.span: SpanPlace | None = None
        self.unit: UnitSpan | None = None
        self.happened: list[Happening] | None = None
        self.links: list[SpanPlace] | None = None
        self.origin: Any = None
        self.target: str | None = None
        self.work: Any = None
        self.leads = False
        self.inputs: Any = None


class UnitSpan(Scope):
    """A request or a connection, as the span around what runs in it. It is never the current scope.

    ``used`` says that something has happened in it, or was named as the other side of that: only then it is sent.
    """

    __slots__ = ("method", "route", "used")

    def __init__(self, name: str) -> None:
        super().__init__("", name=name)
        self.used = False
        self.route: str | None = None
        self.method: str | None = None


UNSET: Final = object()
"""Stands for "the application's variable had no value"; never equal to a value that it could have."""

SYSTEM_USER: Final = "\0system"
"""The id behind ``system_scope()``; the NUL keeps it apart from every id that an application uses."""
