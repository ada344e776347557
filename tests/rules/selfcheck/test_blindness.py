"""IA904 of a run: what single processes said of their parts gives way to what the whole has seen."""

from __future__ import annotations

from typing import Any

import pytest

from isolation_audit.config import Select
from isolation_audit.coverage.verdict import judge
from isolation_audit.model.rules import Severity
from isolation_audit.rules.selfcheck.blindness import blindness, tell_blindness


def target(seen: int = 0, state: str = "applied", role: str = "engine") -> dict[str, Any]:
    return {"target": "app:Engine", "role": role, "state": state, "detail": "", "seen": seen}


def report(*targets: dict[str, Any], events: int = 0, unverified: int = 0) -> dict[str, Any]:
    return {"targets": list(targets), "summary": {"events_total": events, "events_unverified": unverified}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (report(), None),
        (report(target(3)), None),
        (report(target(0)), "1 target(s) instrumented, none of them was ever called"),
        (report(target(0), target(1)), None),
        (report(target(0, "waiting")), "none of the 1 targets' modules was ever imported"),
        (report(target(0, role="ambient")), None),
        (report(target(0, "late")), "1 target(s) instrumented, none of them was ever called"),
        (report(target(5), events=5, unverified=5), "5 event(s) seen, and never two witnesses to compare"),
        (report(target(5), events=5, unverified=4), None),
    ],
)
def test_blindness_of_a_merged_report(given: dict[str, Any], words: str | None) -> None:
    given["findings"] = []
    coverage = given["coverage"] = judge(given)
    assert blindness(coverage) == (f"blind: {words}" if words else "")
    tell_blindness(given, Select(disable=("IA9*",)))
    assert given["findings"] == []
    tell_blindness(given, Select(severity=(("IA904", Severity.ERROR),)))
    assert [(one["message"], one["severity"]) for one in given["findings"]] == (
        [(f"blind: {words}", "error")] if words else []
    )


def test_a_process_that_was_not_watched_stays_in_the_merged_report() -> None:
    part = {"rule": "IA904", "message": "1 target(s) instrumented, ...", "target": None, "count": 1}
    named = {"rule": "IA904", "message": "gevent ...", "target": "gevent.monkey", "count": 2}
    merged = report(target(1)) | {"findings": [part, named]}
    merged["summary"]["findings"] = {"IA904": 3}
    merged["coverage"] = judge(merged)
    tell_blindness(merged, Select())
    assert (merged["findings"], merged["summary"]["findings"]) == ([named], {"IA904": 2})
    idle = report(target(1)) | {"findings": [part]}
    idle["coverage"] = judge(idle)
    tell_blindness(idle, Select())
    assert (idle["findings"], idle["summary"]["findings"]) == ([], {})
