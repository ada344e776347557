"""What every monitor is made of: declared rules, handlers of observations, and one way to report."""

from __future__ import annotations

from time import time as wall_clock
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from isolation_audit.analysis.frames import own_place
from isolation_audit.analysis.texts import shown
from isolation_audit.instrument.stacks import here
from isolation_audit.instrument.work.routes import current_endpoint
from isolation_audit.model.contexts import current_scope
from isolation_audit.model.findings import Finding, Witnesses
from isolation_audit.model.span_places import running_span
from isolation_audit.model.spans import identity
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.places import located

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from isolation_audit.analysis.frames import ShownPlace
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.instrument.work.routes import Endpoint
    from isolation_audit.model.owner_records import Record
    from isolation_audit.model.pseudonyms import Pseudonyms
    from isolation_audit.model.rules import Rule, Severity
    from isolation_audit.model.users import User
    from isolation_audit.recording.recorder import Recorder


BEGAN: Final = "the work of {ambient} began here"

_LONGEST: Final = 300
"""Characters of a text of the application in a finding."""

_Handler = TypeVar("_Handler", bound="Callable[..., Any]")


def observes(kind: type) -> Callable[[_Handler], _Handler]:
    """Make a method of a monitor the handler of one kind of observation, which is its only argument."""

    def mark(handler: _Handler) -> _Handler:
        handler.observes = kind  # type: ignore[attr-defined]
        return handler

    return mark


class Monitor:
    """Base of a family of rules. Its handlers are marked with :func:`observes`."""

    rules: ClassVar[tuple[Rule, ...]] = ()
    handlers: ClassVar[dict[type, str]] = {}
    """Kind of observation -> the method that judges it."""
    hears: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Name of a class of ``vocabulary``, and who listens to what integrations tell through it: ``module:name`` of what
    is made from the :class:`Runtime`. It is imported when an integration asks for it."""

    def __init_subclass__(cls) -> None:
        cls.handlers = {value.observes: name for name, value in vars(cls).items() if hasattr(value, "observes")}

    def __init__(self, runtime: Runtime, recorder: Recorder, pseudonyms: Pseudonyms) -> None:
        self.runtime = runtime
        self.recorder = recorder
        self._pseudonyms = pseudonyms
        self._rules = {rule.code: rule for rule in self.rules}

    def label(self, user: User | None) -> str | None:
        """What findings call this user; None for unknown."""
        if user is None:
            return None
        if user.kind in (Kind.EVERYONE, Kind.SYSTEM, Kind.ROOM):
            return str(user.kind.value)
        return self._pseudonyms.label(user)

    def report(  # noqa: PLR0913 - one call says all that there is to say of a finding, by keyword
        self,
        code: str,
        template: str,
        *,
        detail: str = "",
        measured: str = "",
        target: str | None = None,
        event: str | None = None,
        ambient: User | None = None,
        owner: User | None = None,
        addressee: User | None = None,
        content: User | None = None,
        record: Record | None = None,
        place: str = "here",
        with_site: bool = True,
        at: RawStack | None = None,
        skip: Container[int] = (),
        began: RawStack | None = None,
        before: tuple[RawStack, str] | None = None,
        run: str | None = None,
        answered: Endpoint | None = None,
        field: str | None = None,
        provenance: str | None = None,
        explanation: Callable[[], dict[str, Any] | None] | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Record a finding of rule ``code`` at the application's present place, or where ``at`` says.

        ``template`` is the message; its fields ``{ambient}``, ``{owner}``, ``{addressee}``, ``{content}`` (labels
        of users), ``{target}``, ``{event}``, ``{detail}`` and ``{measured}`` (what differs each time) are filled in
        once, when the finding is new. ``place`` labels the source line, likewise. ``severity`` where it is not the
        rule's own.

        ``skip`` has the identities of code that is not the place itself: whoever called the outermost of it is.
        ``began`` is where the work began, for what is told after it; ``before`` is the other place and its label, where
        there are two; ``run`` is the id of the run. ``answered`` is the
        view whose response it is, and ``field`` where in it. ``explanation`` is asked
        where the finding is new. Without them the finding has the route of the running
        request.
        """
        recorder = self.recorder
        if not recorder.enabled(code):
            return
        event, detail, field = _text(event), shown(detail, _LONGEST), _text(field)
        stack = (_past(here(), skip) if at is None else at) if with_site else ()
        origin, origin_label = _origin(record) if with_site and (at is None or record is not None) else (None, "")
        if began:
            origin, origin_label = began, BEGAN
        if before is not None:
            origin, origin_label = before
        endpoint = answered or self._running_endpoint()
        route, method = (None, None) if endpoint is None else (_text(endpoint.route), _text(endpoint.method))
        witnesses = Witnesses(
            self.label(ambient), self.label(owner), self.label(addressee), self.label(content), provenance
        )
        shortcut = (
            *(code, severity, target, event, template, detail, origin[0] if origin else None),
            *(
                stack[0] if stack else None,
                _top(own_place(stack)),
                route,
                method,
                field,
                endpoint and id(endpoint.view),
            ),
        )
        spans = self.runtime.spans
        # What is told later than it was seen may be told in anybody's work.
        work = None if spans is None else spans.work(None if at is None else ambient)
        finding = recorder.again(shortcut, witnesses)
        if finding is None:
            rule = self._rules[code]
            labels = _labels(witnesses)
            limit = self.runtime.config.limits.stack
            span = running_span() if work is None else identity(work)
            finding = Finding(
                rule=code,
                severity=severity or rule.severity,
                message=template.format_map(
                    {**labels, "target": target, "event": event or "?", "detail": detail, "measured": measured}
                    | {"run": self._run_label(run)}
                ),
                help=rule.help,
                target=target,
                event=event,
                witnesses=witnesses,
                site=located(stack, endpoint, answer=answered is not None, limit=limit),
                site_label=place.format_map(labels),
                origin=located(origin or (), None, answer=False, limit=limit),
                origin_label=origin_label.format_map({**labels, "user": self._owner_label(record)}),
                trace_id=None if span is None else format(span.trace_id, "032x"),
                span_id=None if span is None else format(span.span_id, "016x"),
                seen=wall_clock(),
                route=route,
                method=method,
                field=field,
                run=None if run is None else self._run_label(run),
                explanation=None if explanation is None else explanation(),
            )
            recorder.record(finding, shortcut)
        if spans is not None and work is not None:
            spans.found(work, finding, _other(ambient, content, owner, addressee))

    def _run_label(self, run: str | None) -> str:
        return "of an unknown id" if run is None else self._pseudonyms.run(run)

    def _running_endpoint(self) -> Endpoint | None:
        # What a framework has in its own objects is read here: a fault in it must not cost the finding.
        try:
            return current_endpoint()
        except Exception as error:
            self.runtime.barrier.fault("endpoint", error)
            return None

    def _owner_label(self, record: Record | None) -> str:
        return (self.label(record.owner) if record is not None else None) or "nobody"


def _past(stack: RawStack, skip: Container[int]) -> RawStack:
    """A stack without what is skipped, and what that has called; all of it where nobody else is left."""
    inside = [depth for depth, (code, _lasti) in enumerate(stack) if id(code) in skip] if skip else []
    return (stack[inside[-1] + 1 :] if inside else stack) or stack


def _origin(record: Record | None) -> tuple[Any, str]:
    """Where the object was made or bound; else where the running scope began. With a label that names the user."""
    if record is not None and record.origin:
        return record.origin, record.origin_label + " {user} here"
    scope = current_scope()
    if scope is not None and scope.origin:
        return scope.origin, BEGAN
    return None, ""


def _labels(witnesses: Witnesses) -> dict[str, str]:
    return {name: text or "unknown" for name, text in witnesses.as_dict().items()}


def _other(ambient: User | None, *witnesses: User | None) -> User | None:
    """The user whose data or whose turn it was, other than the one whose work runs."""
    users = (one for one in witnesses if one is not None and one.kind is Kind.USER)
    return next((one for one in users if ambient is None or not same(one, ambient)), None)


def _text(given: str | None) -> str | None:
    return None if given is None else shown(given, _LONGEST)


def _top(place: ShownPlace | None) -> Any:
    return None if place is None else place.stack[0]
