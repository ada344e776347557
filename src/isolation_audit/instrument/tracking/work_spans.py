"""What spans tell of the work that runs: its events, its findings, the request it is in, and whose work it met.

There is one where spans are sent, and none elsewhere; see ``Runtime.spans``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from isolation_audit.model.contexts import current_scope, current_unit
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.scopes import UnitSpan
from isolation_audit.model.span_places import Happening, SpanPlace, running_span
from isolation_audit.model.spans import identity
from isolation_audit.model.users import Kind, same

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.model.findings import Finding
    from isolation_audit.model.scopes import Scope
    from isolation_audit.model.users import User

EVENTS: Final = 128
"""Events that one span tells of, as many as OpenTelemetry allows it; its counts have all of them."""

LINKS: Final = 32
"""Links of one span."""

LATEST: Final = 1_024
"""Users whose latest work is remembered, to link to it. A request that may have to be sent yet is kept for it."""

TOLD: Final = 256
"""Names of events whose attributes are kept: each event of that name has the same ones."""

EVENT: Final = "isolation_audit.event"
FINDING: Final = "isolation_audit.finding"


class WorkSpans:
    """The spans of one audit.

    ``ended`` takes those units of work that are over and have to be sent; ``token`` gives the user of an id.
    """

    def __init__(self, ended: Callable[[Scope], None], token: Callable[[str], User | None], *, limit: int) -> None:
        self._ended = ended
        self._token = token
        self._limit = min(limit, LATEST)
        self._told: dict[tuple[str, str], dict[str, str]] = {}
        self._latest: dict[str, UnitSpan | SpanPlace] = {}
        """By user the latest piece of work: a unit that may be sent yet, or the span of a scope."""

    def begin(self, scope: Scope, user: User | None) -> None:
        """An explicit or configured scope has begun."""
        scope.happened = []
        scope.trace = running_span()
        request = current_unit().request
        if request is not None and request.unit is not None:
            scope.unit = request.unit
            scope.unit.used = True
        if user is not None and user.kind is Kind.USER:
            self._remember(user, identity(scope))

    @staticmethod
    def unit(name: str) -> UnitSpan:
        """A request or a connection has begun."""
        made = UnitSpan(name)
        made.happened = []
        made.trace = running_span()
        return made

    def end(self, unit: UnitSpan, user: User | None, route: str | None, method: str | None) -> None:
        """It is over, and was this user's."""
        unit.ended = time.time_ns()
        unit.route, unit.method = route, method
        if user is not None and user.kind is Kind.USER:
            unit.user_id = user.id
            self._remember(user, unit)
        if unit.used:
            self._ended(unit)

    def event(self, scope: Scope | None, name: str | None, layer: str) -> None:
        """An event has begun its way, at this layer."""
        request = current_unit().request
        work = scope or (None if request is None else request.unit)
        if work is not None and work.happened is not None and len(work.happened) < EVENTS:
            if isinstance(work, UnitSpan):
                work.used = True
            work.happened.append(Happening(time.time_ns(), EVENT, self._words(name or "?", layer)))

    def _words(self, name: str, layer: str) -> dict[str, str]:
        told = self._told.get((name, layer))
        if told is None:
            told = {"isolation_audit.event": name, "isolation_audit.layer": layer}
            if len(self._told) < TOLD:
                self._told[name, layer] = told
        return told

    def work(self, user: User | None) -> Scope | None:
        """The innermost piece of work that has a span of ours and runs now; None where it isn't that user's."""
        scope = current_scope()
        if scope is not None and scope.happened is not None:
            work, whose = scope, self._token(scope.user_id)
        else:
            request = current_unit().request
            if request is None or request.unit is None:
                return None
            work, whose = request.unit, request.said or request.user()
        if user is not None and whose is not None and not same(user, whose):
            return None
        running = running_span()
        # The application's own span lies within ours, and is where people look.
        return None if running is not None and running != work.trace else work

    def found(self, work: Scope, finding: Finding, other: User | None) -> None:
        """A finding was made in it, which has to do with another user's work."""
        if isinstance(work, UnitSpan):
            work.used = True
        if work.happened is not None and len(work.happened) < EVENTS:
            work.happened.append(Happening(time.time_ns(), FINDING, _words(finding)))
        place = None if other is None else self._place_of(other)
        if place is not None and place != identity(work):
            work.links = work.links or []
            if place not in work.links and len(work.links) < LINKS:
                work.links.append(place)

    def _place_of(self, user: User) -> SpanPlace | None:
        latest = self._latest.get(user.id)
        if not isinstance(latest, UnitSpan):
            return latest
        if not latest.used:
            latest.used = True
            if latest.ended:
                self._ended(latest)
        return identity(latest)

    def _remember(self, user: User, work: UnitSpan | SpanPlace) -> None:
        self._latest.pop(user.id, None)
        self._latest[user.id] = work
        drop_oldest(self._latest, self._limit)


def _words(finding: Finding) -> dict[str, str]:
    told = {
        "isolation_audit.rule": finding.rule,
        "isolation_audit.severity": finding.severity.value,
        "isolation_audit.fingerprint": finding.fingerprint,
    }
    return told if finding.event is None else {**told, "isolation_audit.event": finding.event}
