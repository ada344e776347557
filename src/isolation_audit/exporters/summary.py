"""The part ``summary`` of a process's report: the figures that ``recording/figures.py`` declares, filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.tracking.levels import LEVELS
from isolation_audit.integrations.building_blocks.http_request import sources, users_told

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.tally import Tally
    from isolation_audit.model.pseudonyms import Pseudonyms
    from isolation_audit.recording.recorder import Recorder

_SHOWN: Final = 50
"""Users whose events are in the report one by one."""


def summary(runtime: Runtime, recorder: Recorder, pseudonyms: Pseudonyms) -> dict[str, Any]:
    """What has been counted so far; the auditor adds what only it knows."""
    tally = runtime.tally
    return {
        "events_total": sum(tally.events.values()),
        "events_by_layer": dict(tally.events),
        "events_unverified": tally.unverified,
        "crossing_events": tally.crossings,
        "crossings_by_rule": dict(tally.crossings_by_rule),
        "users_affected": {"sender": len(recorder.senders), "receiver": len(recorder.receivers)},
        "engines_built": sum(tally.built.values()),
        "engines_built_by_target": dict(tally.built),
        "deprecated_engines_built": sum(tally.deprecated.values()),
        "deprecated_engines_built_by_target": dict(tally.deprecated),
        "scopes": tally.scopes,
        "requests": tally.requests,
        "requests_named": tally.requests_named,
        **users_told(runtime),
        "events_undelivered": tally.undelivered,
        "events_delivered": max(0, tally.followed - tally.undelivered),
        "users_with_events": len(tally.events_of),
        "events_by_user": _by_user(tally, pseudonyms),
        "payloads_truncated": tally.payloads_truncated,
        "exits": tally.exits_by_route(),
        "service_levels": {level: getattr(tally, level).as_dict() for level in LEVELS},
        "users_at_once": tally.users_at_once,
        "findings": dict(sorted(dict(recorder.counts).items())),
        "findings_dropped": recorder.dropped,
        "findings_size": recorder.size,
        "parts_unreadable": 0,
        "faults": runtime.barrier.total,
        "evicted": {
            "users": runtime.users.evicted,
            "bindings": runtime.bindings.evicted,
            "names": runtime.names.evicted,
            "credentials": runtime.part(sources).learned.evicted,
            "scopes": recorder.scopes_dropped,
            "runs": sum(runs.evicted for runs in runtime.runs),
            "cache_entries": tally.entries_evicted,
        },
        "entries": {
            "users": len(runtime.users),
            "bindings": runtime.bindings.most,
            "names": len(runtime.names),
            "credentials": len(runtime.part(sources).learned),
            "findings": len(recorder.entries()),
            "runs": max(map(len, runtime.runs), default=0),
        },
        "waiting": {"findings": len(recorder.new), "scopes": len(recorder.scopes)},
    }


def _by_user(tally: Tally, pseudonyms: Pseudonyms) -> dict[str, dict[str, int]]:
    lost = tally.undelivered_of.copy()
    first = sorted(tally.events_of.copy().items(), key=lambda one: (-lost[one[0]], -one[1]))[:_SHOWN]
    return {pseudonyms.label(user): {"events": count, "undelivered": lost[user]} for user, count in first}
