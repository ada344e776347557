"""What findings about state have in common: both places, the path between them, and what was found there."""

from __future__ import annotations

from time import time as wall_clock
from typing import TYPE_CHECKING, Any

from isolation_audit.analysis.texts import shown
from isolation_audit.instrument.stacks import frame_at, frame_of, is_ours
from isolation_audit.instrument.work.routes import current_endpoint
from isolation_audit.model.findings import Finding, Site, Witnesses
from isolation_audit.model.rules import Severity
from isolation_audit.rules.base import Monitor

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.sites import AccessSite
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.rules.state.crossed import Crossed


class StateReports(Monitor):
    """Base of the families that tell of state; what the monitor publishes is a leak, or a risk of one."""

    def is_of_an_engine(self, crossed: Crossed) -> bool:
        """True where the state is that of an object that the configuration declares."""
        config = self.runtime.config
        declared: tuple[Any, ...] = (*config.engines, *config.deprecations, *config.emitters)
        return not {str(one.target) for one in declared}.isdisjoint(crossed.classes)

    def tell(self, code: str, crossed: Crossed) -> None:
        """Record a finding of this rule."""
        if not self.recorder.enabled(code):
            return
        rule = self._rules[code]
        witnesses = Witnesses(
            self.label(crossed.reader), self.label(crossed.writer), None, None, crossed.why.format(owner="the writer")
        )
        path, held = shown(crossed.path, 300), shown(crossed.held, 120)
        why = crossed.why.format(owner=self.label(crossed.writer) or "another session")
        endpoint = current_endpoint()
        self.recorder.record(
            Finding(
                rule=code,
                severity=crossed.severity if crossed.severity is not Severity.ERROR else rule.severity,
                message=f"{path}: {held or 'a value'} of {self.label(crossed.writer) or 'another session'}"
                f" met the work of {self.label(crossed.reader) or 'somebody else'}: {why}",
                help=rule.help,
                remedy=crossed.remedy,
                diagram=crossed.diagram,
                target=shown(crossed.target, 300),
                witnesses=witnesses,
                site=_site(crossed.read, crossed.stack, self.runtime.config.limits.stack),
                site_label="read here" if crossed.stack else "overwritten here",
                origin=_site(crossed.written, (), 1),
                origin_label="written here",
                seen=wall_clock(),
                route=None if endpoint is None or endpoint.route is None else shown(endpoint.route, 300),
                method=None if endpoint is None else endpoint.method,
            )
        )


def _site(place: AccessSite, stack: RawStack, limit: int) -> Site:
    """The statement itself, and what had called it."""
    frames = [frame_of(*step) for step in stack[:limit] if not is_ours(step[0])]
    top = frame_at(place.file, place.line, place.function or "<module>")
    if frames and frames[0].file == top.file and frames[0].function == top.function:
        frames = frames[1:]
    return Site((top, *frames))
