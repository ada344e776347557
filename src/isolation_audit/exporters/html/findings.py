"""What the page shows of each finding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.exporters.explanation import explanation_lines
from isolation_audit.exporters.html.paths import HtmlPath, drawn
from isolation_audit.exporters.terminal import address, shorten
from isolation_audit.exporters.values import count, moment, optional, seconds, text

if TYPE_CHECKING:
    from isolation_audit.exporters.html.source_lines import Line, SourceLines

SEVERITIES: Final = ("error", "warning", "note")

_FRAMES: Final = 20
_MOST: Final = 50
"""Pairs of users, and lines of what to paste, that are shown of one finding; ours have fewer."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a stack; ``source`` is what stands there, where that can be shown."""

    file: str
    line: int
    function: str
    source: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where something happened, with its stack from there outwards."""

    label: str
    file: str
    line: int
    function: str
    lines: tuple[Line, ...]
    frames: tuple[Frame, ...]
    more: int
    """Frames that are left out."""
    through: str


@dataclass(frozen=True, slots=True)
class Row:
    """One finding in a line of a table."""

    number: int
    rule: str
    severity: str
    message: str
    count: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Detail:
    """All of one finding."""

    row: Row
    fingerprint: str
    target: str | None
    event: str | None
    address: str
    test: str | None
    trace: str | None
    run: str | None
    help: str
    witnesses: tuple[tuple[str, str], ...]
    provenance: str | None
    explanation: tuple[str, ...]
    site: Place | None
    origin: Place | None
    path: HtmlPath | None
    remedy: tuple[str, ...]
    pairs: tuple[tuple[str, str, int], ...]
    pairs_total: int


def row(number: int, finding: dict[str, Any]) -> Row:
    """The finding in a line."""
    severity = text(finding["severity"])
    if severity not in SEVERITIES:
        raise ValueError(f"{severity!r} is no severity")
    return Row(
        number,
        text(finding["rule"]),
        severity,
        text(finding["message"]),
        count(finding["count"]),
        moment(seconds(finding["first_seen"])),
        moment(seconds(finding["last_seen"])),
    )


def detail(number: int, finding: dict[str, Any], sources: SourceLines) -> Detail:
    """The finding in full."""
    witnesses = {text(name): optional(label) for name, label in finding["witnesses"].items()}
    provenance = witnesses.pop("provenance", None)
    seen = seconds(finding["first_seen"])
    return Detail(
        row(number, finding),
        text(finding["fingerprint"]),
        optional(finding["target"]),
        optional(finding["event"]),
        address({name: optional(finding.get(name)) for name in ("method", "route", "field")}),
        optional(finding.get("test")),
        optional(finding["trace_id"]),
        optional(finding.get("run")),
        text(finding["help"]),
        tuple([(name, label) for name, label in witnesses.items() if label is not None]),
        provenance,
        tuple([text(line).strip() for line in explanation_lines(finding)]),
        _place(finding["site"], sources, seen),
        _place(finding["origin"], sources, seen),
        drawn(text(finding.get("diagram", ""))),
        tuple([text(line) for line in finding.get("remedy", ())]),
        tuple(
            [(text(pair["ambient"]), text(pair["other"]), count(pair["count"])) for pair in finding.get("pairs", ())]
        ),
        count(finding.get("pairs_total", 0)),
    )


def _place(site: dict[str, Any] | None, sources: SourceLines, seen: float) -> Place | None:
    if site is None:
        return None
    file, line = text(site["file"]), count(site["line"])
    stack = site["stack"]
    frames = [(text(one["file"]), count(one["line"]), text(one["function"])) for one in stack[:_FRAMES]]
    through = site.get("through")
    return Place(
        text(site["label"]),
        shorten(file),
        line,
        text(site["function"]),
        sources.around(file, line, seen),
        tuple(
            [
                Frame(shorten(name), number, function, sources.line(name, number, seen))
                for name, number, function in frames
            ]
        ),
        len(stack) - len(frames),
        f"{shorten(text(through['file']))}:{count(through['line'])} in {text(through['function'])}" if through else "",
    )
