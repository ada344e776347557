"""What a detector reports: plain, immutable values that hold labels of users, never raw objects of the application."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isolation_audit.rules import Severity


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a stack."""

    file: str
    line: int
    function: str

    def as_dict(self) -> dict[str, Any]:
        """JSON form: ``{"file", "line", "function"}``."""
        return {"file": self.file, "line": self.line, "function": self.function}


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the application; ``stack`` runs from the innermost frame outwards and starts with this place."""

    stack: tuple[Frame, ...]

    @property
    def top(self) -> Frame:
        """The innermost application frame."""
        return self.stack[0]

    def as_dict(self) -> dict[str, Any]:
        """JSON form of the report schema: the top frame's fields and the whole ``stack``."""
        return {**self.top.as_dict(), "stack": [frame.as_dict() for frame in self.stack]}


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Labels of the users that each witness named; ``None`` is unknown."""

    ambient: str | None = None
    owner: str | None = None
    addressee: str | None = None
    content: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """JSON form: the four witnesses by name."""
        return {
            "ambient": self.ambient,
            "owner": self.owner,
            "addressee": self.addressee,
            "content": self.content,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation of one rule. Users appear as labels (pseudonyms unless raw ids were asked for)."""

    rule: str
    severity: Severity
    message: str
    help: str
    target: str | None = None
    event: str | None = None
    witnesses: Witnesses = field(default_factory=Witnesses)
    site: Site | None = None
    origin: Site | None = None
    site_label: str = "here"
    origin_label: str = ""
    trace_id: str | None = None
    seen: float = 0.0

    @property
    def fingerprint(self) -> str:
        """16 hex digits, the same for the same defect: no users, no line numbers, no counts go in."""
        parts = [self.rule, self.target or "", self.event or ""]
        parts += [_place(site) for site in (self.site, self.origin)]
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]

    def as_dict(self, *, count: int, first_seen: float, last_seen: float) -> dict[str, Any]:
        """JSON form of ``report.json``, schema 1; times are Unix seconds."""
        return {
            "rule": self.rule,
            "severity": self.severity.value,
            "fingerprint": self.fingerprint,
            "count": count,
            "message": self.message,
            "help": self.help,
            "target": self.target,
            "event": self.event,
            "witnesses": self.witnesses.as_dict(),
            "site": None if self.site is None else {**self.site.as_dict(), "label": self.site_label},
            "origin": None if self.origin is None else {**self.origin.as_dict(), "label": self.origin_label},
            "first_seen": first_seen,
            "last_seen": last_seen,
            "trace_id": self.trace_id,
        }


def _place(site: Site | None) -> str:
    if site is None:
        return ""
    # Two path parts keep fingerprints equal between checkouts and still tell same-named files apart.
    return "/".join(PurePath(site.top.file).parts[-2:]) + "::" + site.top.function
