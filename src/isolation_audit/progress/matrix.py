"""The matrix of a burn-down: each figure before and now, what it should become, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from isolation_audit.progress.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from isolation_audit.config import Config

Unit = Literal["count", "share", "seconds"]
Verdict = Literal["reached", "better", "unchanged", "worse", "open", "unknown", ""]
Figures = dict[str, float | None]
"""Values by key; None is unknown. Shares from 0 to 1, durations in seconds."""

AREAS: Final = {
    "source": "Source",
    "names": "Single source of truth",
    "isolation": "Isolation",
    "migration": "Migration",
    "golden_path": "Golden path",
    "events": "Events",
}


@dataclass(frozen=True, slots=True)
class _Measure:
    label: str
    unit: Unit = "count"
    goal: float | None = 0
    """None: a figure that only says of how much the others are."""
    limit: str = ""
    """The limit of ``[service_levels]`` that is the goal."""


_MEASURES: Final = {
    "source.references": _Measure("references and findings"),
    "source.files": _Measure("files with any"),
    "names.definitions": _Measure("further definitions (IA810)"),
    "names.factories": _Measure("further factories (IA811)"),
    "names.several": _Measure("factories of several (IA809)"),
    "names.fallbacks": _Measure("hidden imports (IA812)"),
    "names.in_use": _Measure("names in use twice (IA108)"),
    "names.ways": _Measure("several factories (IA107)"),
    "names.past_factory": _Measure("built past it (IA106)"),
    "names.drift": _Measure("signature drift (IA109)"),
    "names.raced": _Measure("made concurrently (IA601)"),
    "names.second": _Measure("second instances (IA602)"),
    "isolation.crossings": _Measure("events to a wrong user"),
    "isolation.errors": _Measure("errors (IA2xx, IA4xx, IA5xx)"),
    "migration.deprecated": _Measure("deprecated engines built"),
    "migration.engines": _Measure("engines built in all", goal=None),
    "migration.share": _Measure("share migrated", "share", 1),
    "golden_path.runs": _Measure("runs", goal=None),
    "golden_path.in_time": _Measure("runs in time", "share", 1),
    "golden_path.slow": _Measure("slow runs (IA701)"),
    "golden_path.slow_cleanups": _Measure("slow clean-ups (IA702)"),
    "golden_path.unfinished": _Measure("runs never completed (IA304)"),
    "golden_path.first_event": _Measure("first event, p95", "seconds", None, "first_event"),
    "golden_path.run": _Measure("run, p95", "seconds", None, "run"),
    "events.total": _Measure("events", goal=None),
    "events.undelivered": _Measure("undelivered"),
    "events.success": _Measure("delivered", "share", 1),
}
_GROUPS: Final = {
    "source.target": ("source.references", "{}"),
    "source.rule": ("source.references", "{}"),
    "source.phase": ("source.references", "phase {}"),
    "source.owner": ("source.references", "owner {}"),
    "isolation.rule": ("isolation.errors", "{}"),
    "migration.target": ("", "{}"),
    "events.rule": ("events.total", "{}"),
}
"""Figures of which there are as many as there are names: what must be known for one that is not listed to be 0."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: None where it is not known."""

    key: str
    label: str
    unit: Unit
    before: float | None
    now: float | None
    goal: float | None
    verdict: Verdict

    @property
    def area(self) -> str:
        """The part of the matrix that it stands in."""
        return self.key.partition(".")[0]

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "area": self.area,
            "figure": self.key,
            "label": self.label,
            "unit": self.unit,
            "before": self.before,
            "now": self.now,
            "target": self.goal,
            "verdict": self.verdict or None,
        }


def value(figures: Mapping[str, float | None], key: str) -> float | None:
    """A figure; one of a group that is not listed is 0 where the whole is known."""
    if key in figures or key in _MEASURES:
        return figures.get(key)
    anchor, _ = _GROUPS.get(_group(key), ("", ""))
    return 0 if figures.get(anchor) is not None else None


def matrix(before: Mapping[str, float | None], now: Mapping[str, float | None], config: Config) -> list[Row]:
    """Every figure that says something, area by area; of groups, those that are not 0 both before and now."""
    measures = {key: measure for key in {*_MEASURES, *now, *before} if (measure := _measure(key))}
    # Without phases or owners, that there are none is no news.
    for key in (f"source.phase.{NOWHERE}", f"source.owner.{NOWHERE}"):
        if sum(_group(other) == _group(key) for other in measures) == 1:
            measures.pop(key, None)
    rows = []
    for key in sorted(measures, key=_place):
        measure = measures[key]
        was, current = value(before, key), value(now, key)
        if key not in _MEASURES and not was and current == 0:
            continue
        goal: float | None = getattr(config.service_levels, measure.limit) if measure.limit else measure.goal
        verdict = _verdict(was, current, goal, rises=measure.unit == "share")
        rows.append(Row(key, measure.label, measure.unit, was, current, goal, verdict))
    return rows


def unmeasured(rows: list[Row]) -> bool:
    """True where nothing is known of an area, neither before nor now."""
    return all(row.before is None and row.now is None for row in rows)


def _group(key: str) -> str:
    return ".".join(key.split(".", 2)[:2])


def _measure(key: str) -> _Measure | None:
    """None for what another version measured."""
    if key in _MEASURES or _group(key) not in _GROUPS:
        return _MEASURES.get(key)
    _, label = _GROUPS[_group(key)]
    name = key[len(_group(key)) + 1 :]
    return _Measure("no " + label.partition(" ")[0] if name == NOWHERE else label.format(name))


def _place(key: str) -> tuple[int, int, str]:
    """Areas in order; in each its measures, then its groups."""
    within = [*_MEASURES].index(key) if key in _MEASURES else len(_MEASURES) + [*_GROUPS].index(_group(key))
    return [*AREAS].index(key.partition(".")[0]), within, key


def _verdict(before: float | None, now: float | None, goal: float | None, *, rises: bool) -> Verdict:
    if goal is None:
        return ""
    if now is None:
        return "unknown"
    if now >= goal if rises else now <= goal:
        return "reached"
    if before is None:
        return "open"
    if now == before:
        return "unchanged"
    return "better" if (now > before) == rises else "worse"
