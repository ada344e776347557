"""The figures of one moment: from a scan, from the reports of runs, or from both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from isolation_audit.config.selection import Selection
from isolation_audit.source.scan.rules import NAMES, RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.config import Config
    from isolation_audit.progress.matrix import Figures
    from isolation_audit.progress.runtime import Runtime
    from isolation_audit.progress.source import Source

_ISOLATION: Final = ("IA2", "IA4", "IA5")
_ORDER: Final = ("IA301", "IA302", "IA303", "IA305", "IA306")
_READINESS: Final = ("IA307", "IA308")
_STATIC: Final = {"definitions": "IA810", "factories": "IA811", "several": "IA809", "fallbacks": "IA812"}
_AT_WORK: Final = {
    "in_use": ("IA108", True),
    "ways": ("IA107", False),
    "past_factory": ("IA106", False),
    "drift": ("IA109", False),
    "raced": ("IA601", True),
    "second": ("IA602", False),
}
"""Rules of the run time, and whether ``watch.factories`` has to be on for them."""


def measure(config: Config, source: Source | None, runtime: Runtime | None) -> Figures:
    """All figures that can be known; what is left out or None is unknown."""
    found: Figures = {}
    if source is not None:
        # What the tree names twice is no reference to anything deprecated.
        referring = replace(source, found=tuple([one for one in source.found if one.rule not in NAMES]))
        found.update(_source(config, referring))
        found.update(_names_in_source(config, source))
    if runtime is not None:
        rules = Selection(config.select)
        found.update(_names_in_use(config, rules, runtime))
        found.update(_isolation(runtime))
        found.update(_migration(config, runtime))
        found.update(_golden_path(config, rules, runtime))
        found.update(_events(config, rules, runtime))
    return found


def _source(config: Config, source: Source) -> Iterator[tuple[str, float | None]]:
    yield "source.references", len(source.found)
    yield "source.files", source.files_with()
    rules, counted = Selection(config.select), source.by_rule()
    for rule in RULES.keys() - NAMES:
        yield f"source.rule.{rule}", counted[rule] if counted[rule] or rules.enabled(rule) else None
    phases, targets = source.by_phase(), source.by_target()
    yield from ((f"source.phase.{name}", phases[name]) for name in {*phases, *dict(config.scan.phases)})
    yield from ((f"source.owner.{name}", count) for name, count in source.by_owner().items())
    yield from ((f"source.target.{one.target}", targets[str(one.target)]) for one in config.deprecations)


def _names_in_source(config: Config, source: Source) -> Iterator[tuple[str, float | None]]:
    rules, counted = Selection(config.select), source.by_rule()
    for name, rule in _STATIC.items():
        yield f"names.{name}", counted[rule] if counted[rule] or rules.enabled(rule) else None


def _names_in_use(config: Config, rules: Selection, runtime: Runtime) -> Iterator[tuple[str, float | None]]:
    for name, (rule, needs_watching) in _AT_WORK.items():
        count = runtime.findings(rule)
        heeded = runtime.saw_anything and rules.enabled(rule) and (config.watch.factories or not needs_watching)
        yield f"names.{name}", count if count or heeded else None


def _isolation(runtime: Runtime) -> Iterator[tuple[str, float | None]]:
    yield "isolation.crossings", runtime.crossings()
    errors = runtime.errors(_ISOLATION)
    yield "isolation.errors", None if errors is None else sum(errors.values())
    yield from ((f"isolation.rule.{rule}", count) for rule, count in (errors or {}).items())


def _migration(config: Config, runtime: Runtime) -> Iterator[tuple[str, float | None]]:
    targets = [str(one.target) for one in config.deprecations if one.target.qualname]
    known: list[int] = []
    for target in targets:
        built = runtime.built(target)
        yield f"migration.target.{target}", built
        if built is not None:
            known.append(built)
    deprecated = sum(known) if known and len(known) == len(targets) else None
    engines = None
    if config.engines and deprecated is not None:
        engines = runtime.engines(frozenset(targets)) + deprecated
    yield "migration.deprecated", deprecated
    yield "migration.engines", engines
    yield "migration.share", 1 - deprecated / engines if engines and deprecated is not None else None


def _golden_path(config: Config, rules: Selection, runtime: Runtime) -> Iterator[tuple[str, float | None]]:
    limits = config.service_levels
    runs, cleanups = runtime.measured("run"), runtime.measured("cleanup")
    late = runs and rules.enabled("IA701") and (limits.run is not None or limits.first_event is not None)
    slow = cleanups and rules.enabled("IA702") and limits.cleanup is not None
    followed = runs and config.protocols and rules.enabled("IA304")
    yield "golden_path.runs", runs or None
    yield "golden_path.in_time", None if limits.run is None else runtime.within("run", limits.run)
    yield "golden_path.slow", runtime.findings("IA701") if late else None
    yield "golden_path.slow_cleanups", runtime.findings("IA702") if slow else None
    yield "golden_path.unfinished", runtime.findings("IA304") if followed else None
    yield "golden_path.first_event", runtime.percentile("first_event", 0.95)
    yield "golden_path.run", runtime.percentile("run", 0.95)


def _events(config: Config, rules: Selection, runtime: Runtime) -> Iterator[tuple[str, float | None]]:
    events = runtime.events
    # Without an order of events nobody looks at what became of them.
    lost = runtime.undelivered if events and config.protocols else None
    yield "events.total", events or None
    yield "events.undelivered", lost
    yield "events.success", None if lost is None else max(0.0, 1 - lost / events)
    for rule in (*_ORDER, *_READINESS):
        count = runtime.findings(rule)
        heeded = events and rules.enabled(rule) and (config.protocols or rule in _READINESS)
        yield f"events.rule.{rule}", count if count or heeded else None
