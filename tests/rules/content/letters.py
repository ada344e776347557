"""What leaves for bob in tests: his own, alice's, and what is both's; and whom findings name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditing import Audit

ALICE, BOB = "user-alice", "user-bob"
MINE = json.dumps({"owner": BOB, "text": "buy milk"})
HERS = json.dumps({"owner": ALICE, "text": "call the bank"})
SAID = json.dumps({"user": ALICE, "text": "call the bank"})
BOTH = json.dumps({"owner": BOB, "friends": [ALICE]})


def witnesses(audit: Audit) -> list[tuple[str | None, str | None]]:
    """Ambient and content of each finding; all of them are IA203."""
    findings = [entry.finding for entry in audit.auditor.recorder.entries()]
    assert {one.rule for one in findings} <= {"IA203"}
    return [(one.witnesses.ambient, one.witnesses.content) for one in findings]


def count(audit: Audit) -> int:
    counted = audit.auditor.recorder.counts["IA203"]
    assert audit.auditor.runtime.tally.crossings == counted, "each is a crossing"
    return counted
