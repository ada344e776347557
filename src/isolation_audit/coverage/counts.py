"""The counts that coverage is judged by, as one process has them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.patching.targets import State
from isolation_audit.instrument.work.sightings import Sightings
from isolation_audit.rules.state.shared import SharedState
from isolation_audit.targets.injected_users import InjectedUsers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.instrument.patching.targets import Watched
    from isolation_audit.instrument.runtime import Runtime

Counts = dict[str, Any]


def counted(runtime: Runtime, integrated: Iterable[Watched]) -> Counts:
    """What one process has counted so far, as the part ``coverage`` of its report has it, without a verdict."""
    tally, sightings = runtime.tally, runtime.part(Sightings)
    libraries: Counter[str] = Counter()
    standard: Counter[str] = Counter()
    serving: set[str] = set()
    for watched in integrated:
        if watched.state is not State.APPLIED or watched.sighting:
            continue
        calls, serves = watched.calls[0], sightings.is_serving(str(watched.target))
        if serves and calls:
            serving.update(sightings.packages_of(str(watched.target)))
        if not watched.quiet or (serves and calls):
            libraries[watched.library] += calls
        else:
            standard[watched.library] += calls
    return {
        "requests": {"seen": tally.requests, "known": tally.requests_named},
        "messages": {"seen": tally.messages, "known": tally.messages_named},
        "jobs": {"seen": tally.jobs, "known": tally.jobs_named},
        "libraries": dict(sorted(libraries.items())),
        "standard_library": dict(sorted(standard.items())),
        "unwatched": sightings.as_dict(),
        "shared": dict(runtime.part(SharedState).used) if runtime.config.audit.depth != "calls" else {},
        "heap": _walks(runtime) if runtime.config.audit.depth == "heap" else {},
        "listeners": sightings.listeners_as_dict(serving),
        "users": runtime.part(InjectedUsers).as_dict(),
        "paths": runtime.paths.as_list(),
    }


def _walks(runtime: Runtime) -> Counts:
    from isolation_audit.rules.reachable.walks import HeapWatch  # not before it is at work

    return runtime.part(HeapWatch).as_dict()


def activity(runtime: Runtime, integrated: Iterable[Watched]) -> object:
    """Something that equals what it was before as long as nothing worth a new report has happened; cheap to ask for.

    Calls of the standard library are left out: timers and queues of an idle process are among them.
    """
    return (
        runtime.tally.activity(),
        sum([watched.calls[0] for watched in integrated if not watched.quiet]),
        runtime.part(Sightings).activity(),
        runtime.part(InjectedUsers).told.total(),
        runtime.barrier.total,
        sum(runtime.part(SharedState).used.values()) if runtime.config.audit.depth != "calls" else 0,
    )
