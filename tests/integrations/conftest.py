"""Applications on real servers under an auditor, and what it finds."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

import isolation_audit
from isolation_audit.auditor import Auditor
from isolation_audit.config import Config


@pytest.fixture(autouse=True)
def _nothing_of_an_earlier_file(monkeypatch):
    """The example would be a part of each application here; grpc, of which receivers are made, a driver at work."""
    for name in list(sys.modules):
        if name == "grpc" or name.partition(".")[0] == "agent_chat":
            monkeypatch.delitem(sys.modules, name)


@pytest.fixture(autouse=True)
def _stopped_afterwards():
    yield
    isolation_audit.uninstrument()


@pytest.fixture(autouse=True)
def _signals_as_before():
    """RQ's worker keeps its own handlers, and a test process that has to end would only tell them."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def audited():
    """Runs a coroutine function under an auditor: findings by rule, counts, and no fault of the auditor's own."""

    def run(scenario: Any, config: Config | None = None) -> SimpleNamespace:
        with Auditor(config or Config()) as auditor:
            result = asyncio.run(asyncio.wait_for(scenario(), 30))
        findings: dict[str, list[Any]] = {}
        for entry in auditor.recorder.entries():
            findings.setdefault(entry.finding.rule, []).append(entry.finding)
        findings.pop("IA904", None)
        counts = +Counter(auditor.recorder.counts)
        counts.pop("IA904", None)
        assert auditor.runtime.barrier.counts == {}
        return SimpleNamespace(result=result, findings=findings, counts=counts, auditor=auditor)

    return run
