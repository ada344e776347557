"""What a monitor reports: plain, immutable values that hold labels of users, never raw objects of the application."""

from __future__ import annotations

import dataclasses
import hashlib
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.foundation.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from isolation_audit.model.rules import Severity

PAIRS_SHOWN: Final = 20
"""Pairs of users that a report has of one finding."""

_index: Final = pattern(r"\[\d+\]")


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
    """A place in the application; ``stack`` runs from its own innermost frame outwards and starts with this place."""

    stack: tuple[Frame, ...]
    through: Frame | None = None
    """The frame of a library, or of the standard library, that the top frame had called."""

    @property
    def top(self) -> Frame:
        """The innermost application frame."""
        return self.stack[0]

    def as_dict(self) -> dict[str, Any]:
        """JSON form of the report schema: the top frame's fields and the whole ``stack``."""
        place = {**self.top.as_dict(), "stack": [frame.as_dict() for frame in self.stack]}
        return place if self.through is None else {**place, "through": self.through.as_dict()}


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Labels of the users that each witness named; ``None`` is unknown.

    ``provenance`` says in words where the content has come from, and where it was looked for.
    """

    ambient: str | None = None
    owner: str | None = None
    addressee: str | None = None
    content: str | None = None
    provenance: str | None = None

    def pair(self) -> tuple[str, str] | None:
        """Who met: the user whose work it was, or is thought to have been, and the other; None for a single user."""
        known = [one for one in (self.ambient, self.owner, self.addressee, self.content) if one is not None]
        # The one found in the data says most: it comes last.
        other = next((one for one in reversed(known) if one != known[0]), None)
        return None if other is None else (known[0], other)

    def direction(self) -> tuple[str, str] | None:
        """The same two by what each was: whose data, object or event it is, and whom it met."""
        met = self.addressee or self.ambient
        whose = next((one for one in (self.content, self.owner, self.ambient) if one not in (None, met)), None)
        return None if whose is None or met is None else (whose, met)

    def as_dict(self) -> dict[str, str | None]:
        """JSON form: the four witnesses that are users by name; the fifth where it has something to say."""
        users = {
            "ambient": self.ambient,
            "owner": self.owner,
            "addressee": self.addressee,
            "content": self.content,
        }
        return users if self.provenance is None else {**users, "provenance": self.provenance}


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation of one rule. Users appear as labels (pseudonyms unless raw ids were asked for)."""

    rule: str
    severity: Severity
    message: str
    help: str
    target: str | None = None
    event: str | None = None
    witnesses: Witnesses = dataclasses.field(default_factory=Witnesses)
    site: Site | None = None
    origin: Site | None = None
    site_label: str = "here"
    origin_label: str = ""
    trace_id: str | None = None
    span_id: str | None = None
    """The span in which it was made, 16 hex digits: the application's own, or the one that the auditor sends."""
    seen: float = 0.0
    route: str | None = None
    """The template of the path that was asked for, as the framework has it: ``/items/{id}``."""
    method: str | None = None
    """The method of HTTP."""
    field: str | None = None
    """Where the data is in a response: a JSON path such as ``$.items[3].owner``, or the name of a header."""
    run: str | None = None
    """The label of the run, for what is said of runs."""
    explanation: dict[str, Any] | None = None
    """What a judgement by inputs rests on: the verdict, the inputs that were looked at, the other's latest unit."""
    remedy: tuple[str, ...] = ()
    """Lines of configuration, ready to be pasted where the finding is no fault."""
    diagram: str = ""
    """The path to what was found, as text for Mermaid."""

    @property
    def fingerprint(self) -> str:
        """16 hex digits, the same for the same defect: no users, no line numbers, no indexes, no counts go in."""
        parts = [self.rule, self.target or "", self.event or ""]
        parts += [_place(site) for site in (self.site, self.origin)]
        parts += [f"{name}={value}" for name, value in self.address().items()]
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]

    def size(self) -> int:
        """Characters that it holds, the labels of users aside."""
        frames = [frame for site in (self.site, self.origin) if site is not None for frame in site.stack]
        texts = (self.message, self.target, self.event, self.route, self.field, self.site_label, self.origin_label)
        return sum(len(text or "") for text in texts) + sum(len(one.file) + len(one.function) for one in frames)

    def address(self) -> dict[str, str]:
        """Route, method and field, as far as they are known; the field is the same for each item of a list."""
        known = {"route": self.route, "method": self.method, "field": _general(self.field)}
        return {name: value for name, value in known.items() if value is not None}

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
            **({} if self.span_id is None else {"span_id": self.span_id}),
            **self.address(),
            **({} if self.field is None else {"field": self.field}),
            **({} if self.run is None else {"run": self.run}),
            **({} if self.explanation is None else {"explanation": self.explanation}),
            **({"remedy": list(self.remedy)} if self.remedy else {}),
            **({"diagram": self.diagram} if self.diagram else {}),
        }


def _general(field: str | None) -> str | None:
    return None if field is None else _index.sub("[*]", field)


def _place(site: Site | None) -> str:
    if site is None:
        return ""
    # Two path parts keep fingerprints equal between checkouts and still tell same-named files apart.
    return "/".join(PurePath(site.top.file).parts[-2:]) + "::" + site.top.function


def paired(pairs: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """JSON form of pairs of users: those that met first, with counts, and how many there are; empty without any."""
    if not pairs:
        return {}
    shown = [{"ambient": one, "other": two, "count": count} for (one, two), count in islice(pairs.items(), PAIRS_SHOWN)]
    return {"pairs": shown, "pairs_total": len(pairs)}
