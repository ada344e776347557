"""Audited applications whose users are named by a header, and what is found in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from asking import Client
from saying import APP, BOB

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Audit:
    """One auditor without any target."""

    def __init__(self, auditor: Auditor) -> None:
        self.auditor = auditor

    def found(self) -> list[tuple[str, str, str | None, str | None]]:
        """Rule, severity, reader and whose data of each finding."""
        findings = [entry.finding for entry in self.auditor.recorder.entries()]
        return [
            (one.rule, one.severity.value, one.witnesses.ambient, one.witnesses.content)
            for one in findings
            if one.rule != "IA904"
        ]

    def alarms(self) -> list[tuple[str, str, str | None, str | None]]:
        """Those that are no notes."""
        return [one for one in self.found() if one[1] != "note"]

    def words(self) -> list[str]:
        """What the witness says of each."""
        return [entry.finding.witnesses.provenance or "" for entry in self.auditor.recorder.entries()]

    def why(self) -> dict[str, Any]:
        """The auditor's own faults."""
        return self.auditor.runtime.barrier.counts


@pytest.fixture
def audit() -> Iterator[Audit]:
    """A running audit with nothing configured; at its end the auditor has had no fault."""
    with Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:
        yield Audit(auditor)
    assert auditor.runtime.barrier.counts == {}


@pytest.fixture
def site(audit: Audit, load_app: Callable[[str], Any]) -> Iterator[Client]:
    """The application of ``saying``, where bob and carol are known already."""
    module = load_app(APP)
    client = Client(module.app, module.end)
    client.ask("carol.kane", "/own")
    client.ask(BOB, "/own")
    yield client
    client.close()
