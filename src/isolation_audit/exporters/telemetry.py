"""What spans and log records say: ended scopes and new findings as names, attributes and severities. Knows no SDK.

Ids of users, runs, threads and connections leave as pseudonyms, unless raw ids were asked for; payloads never do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.instrument.stacks import site
from isolation_audit.model.rules import Severity
from isolation_audit.model.scopes import SYSTEM_USER, UnitSpan

if TYPE_CHECKING:
    from isolation_audit.model.findings import Finding, Site
    from isolation_audit.model.pseudonyms import Pseudonyms
    from isolation_audit.model.scopes import Scope

INSTRUMENTATION_SCOPE = "isolation_audit"
SCHEMA_URL = "https://opentelemetry.io/schemas/1.40.0"
EVENT_NAME = "isolation_audit.finding"

Attributes = dict[str, str | int | bool]

SEVERITIES = {Severity.ERROR: (17, "ERROR"), Severity.WARNING: (13, "WARN"), Severity.NOTE: (9, "INFO")}
"""OpenTelemetry's severity number and text by the finding's severity."""

_IDS = {"thread_id": "gen_ai.conversation.id", "connection_id": "session.id"}
"""Ids that have a name in the semantic conventions; the others are called isolation_audit.id.KIND."""


class Privacy:
    """How ids leave the process."""

    def __init__(self, pseudonyms: Pseudonyms, *, raw: bool) -> None:
        self._pseudonyms = pseudonyms
        self._raw = raw

    def id(self, identifier: str) -> str:
        """An id of anything: its pseudonym, or the id itself where raw ids were asked for."""
        # A subclass of str may encode to anything; the plain characters are the id.
        identifier = str.__str__(identifier)
        return identifier if self._raw else self._pseudonyms.hash(identifier)

    def user(self, user_id: str) -> Attributes:
        """The attribute that names the user of a scope."""
        if user_id == SYSTEM_USER:
            return {"isolation_audit.system": True}
        return {"user.id" if self._raw else "user.hash": self.id(user_id)}


def span_attributes(scope: Scope, privacy: Privacy) -> Attributes:
    """The attributes of one ended scope."""
    attributes = _of_unit(scope) if isinstance(scope, UnitSpan) else _of_scope(scope)
    if scope.user_id:
        attributes |= privacy.user(scope.user_id)
    for kind, identifier in scope.ids.items():
        if isinstance(identifier, str):
            attributes[_IDS.get(kind, f"isolation_audit.id.{kind}")] = privacy.id(identifier)
    return attributes | _code(site(scope.origin) if scope.origin else None)


def span_name(scope: Scope) -> str:
    """What was asked for, or the target whose call it is: of these there are few."""
    if isinstance(scope, UnitSpan) and scope.route is not None:
        return f"{scope.method} {scope.route}" if scope.method else scope.route
    return scope.name


def _of_scope(scope: Scope) -> Attributes:
    return {
        "isolation_audit.scope.name": scope.name,
        "isolation_audit.scope.events": scope.events,
        "isolation_audit.scope.crossings": scope.crossings,
    }


def _of_unit(unit: UnitSpan) -> Attributes:
    known = {"http.route": unit.route, "http.request.method": unit.method, "isolation_audit.unit": unit.name}
    return {name: value for name, value in known.items() if value is not None}


def record_attributes(finding: Finding) -> Attributes:
    """The attributes of one finding. Its labels of users are pseudonyms already, unless raw ids were asked for."""
    attributes: Attributes = {
        "isolation_audit.rule": finding.rule,
        "isolation_audit.severity": finding.severity.value,
        "isolation_audit.fingerprint": finding.fingerprint,
    }
    if finding.target is not None:
        attributes["isolation_audit.target"] = finding.target
    if finding.event is not None:
        attributes["isolation_audit.event"] = finding.event
    for name, label in finding.witnesses.as_dict().items():
        if label is not None:
            attributes[f"isolation_audit.witness.{name}"] = label
    for name, value in (("http.route", finding.route), ("http.request.method", finding.method)):
        if value is not None:
            attributes[name] = value
    if finding.field is not None:
        attributes["isolation_audit.field"] = finding.field
    attributes |= _code(finding.site)
    if finding.site is not None:
        frames = (f"{frame.file}:{frame.line} in {frame.function}" for frame in finding.site.stack)
        attributes["code.stacktrace"] = "\n".join(frames)
    if finding.origin is not None:
        attributes["isolation_audit.origin.label"] = finding.origin_label
        attributes |= {f"isolation_audit.origin.{key}": value for key, value in _code(finding.origin).items()}
    return attributes


def _code(place: Site | None) -> Attributes:
    if place is None:
        return {}
    top = place.top
    return {"code.function.name": top.function, "code.file.path": top.file, "code.line.number": top.line}
