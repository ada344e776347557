"""Coverage as lines of text: the same in the summary, for pytest, for ``show`` and for the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST: Final = 8
_WORDS: Final = {
    "idle": "idle: no request, message or job came, and nothing that is watched was at work",
}


def headline(coverage: dict[str, Any]) -> str:
    """The verdict with its reasons, in one line."""
    verdict = coverage.get("verdict", "unknown")
    reasons = "; ".join(row["reason"] for row in coverage.get("reasons", ()))
    return f"{verdict}: {reasons}" if reasons else _WORDS.get(verdict, verdict)


def coverage_lines(report: dict[str, Any]) -> list[str]:
    """The verdict first, then remedies, then what it stands on; without the name of the program in front."""
    coverage = report.get("coverage")
    if not coverage:
        return []
    return [headline(coverage), *(f"  {line}" for line in _below(coverage, report))]


def _below(coverage: dict[str, Any], report: dict[str, Any]) -> Iterator[str]:
    for remedy in dict.fromkeys(row["remedy"] for row in coverage["reasons"]):
        yield f"remedy: {remedy}"
    work = [_work(kind, coverage.get(kind, {})) for kind in ("requests", "messages", "jobs")]
    if any(work):
        yield ", ".join(filter(None, work))
    summary = report.get("summary", {})
    told = summary.get("users_by_source", {})
    if any(work):
        yield "users told by: " + (_list(f"{source} {count}" for source, count in told.items()) or "no source is on")
    elif any(told.values()) or summary.get("ambient_told"):
        # Outside of requests nobody counts how often a source was asked.
        spoke = {
            source: count or (source == "ambient" and summary.get("ambient_told")) for source, count in told.items()
        }
        yield "users told by: " + _list(source for source, has_told in spoke.items() if has_told)
    yield from _injected(coverage.get("users", {}))
    at_work = {name: calls for name, calls in coverage.get("libraries", {}).items() if calls}
    if at_work:
        names = sorted(at_work, key=lambda name: -at_work[name])
        yield "at work and watched: " + _list(f"{name} {at_work[name]}" for name in names)
    unused = [name for name, calls in coverage.get("libraries", {}).items() if not calls]
    if unused:
        yield f"imported, watched and never called: {_list(unused)}"
    yield from _not_watched(coverage)
    never = [row["target"] for row in report.get("targets", ()) if _never_called(row)]
    if never:
        yield f"instrumented and never called: {_list(dict.fromkeys(never))}"
    for row in coverage.get("paths", ()):
        if row["asked"] and not row["gave"]:
            yield f"never gave a value: {row['path']} of {row['where']}, asked {row['asked']} time(s)"


def _injected(users: dict[str, dict[str, int]]) -> Iterator[str]:
    sure = [f"{label} {row['told']}" for label, row in users.items() if not row["doubted"]]
    if sure:
        yield f"users told by what is injected: {_list(sure)}"
    doubted = [f"{label} {row['told']}" for label, row in users.items() if row["doubted"]]
    if doubted:
        yield (
            f"users told in doubt, by what looks like the current user: {_list(doubted)}; name the right functions "
            "under [[users]]"
        )


def _not_watched(coverage: dict[str, Any]) -> Iterator[str]:
    idle = [target for target, times in coverage.get("shared", {}).items() if not times]
    if idle:
        yield f"of no use so far: [[shared]] {_list(idle)}"
    if coverage.get("heap", {}).get("partial"):
        heap = coverage["heap"]
        yield f"the heap was walked {heap['walks']} time(s), {heap['partial']} of them not to the end"
    for name, row in coverage.get("unwatched", {}).items():
        times = f", {row['seen']} {row['unit']}, {row['known']} of known users" if row["unit"] else ""
        yield f"at work and not watched: {name}{times}"
    for name, row in coverage.get("listeners", {}).items():
        if row["accepted"] and not row["watched"]:
            yield f"at work and not watched: {name}, {row['accepted']} connection(s)"


def _never_called(row: dict[str, Any]) -> bool:
    return row["state"] in ("applied", "late") and row["role"] in ("engine", "emitter", "scope") and not row["seen"]


def _work(kind: str, found: dict[str, int]) -> str:
    seen = found.get("seen", 0)
    return f"{seen} {kind}, {found['known']} of known users" if seen else ""


def _list(names: Any) -> str:
    found = list(names)
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return ", ".join(found[:_MOST]) + more
