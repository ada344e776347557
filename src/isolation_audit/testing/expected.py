"""Findings that a test expects: they don't fail it, and it fails without them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from isolation_audit.testing.audits import Audit

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from isolation_audit.auditor import Auditor
    from isolation_audit.model.findings import Finding


class AuditOfTest(Audit):
    """The audit of the session, as the fixture ``isolation_audit`` gives it to one test."""

    def __init__(self, auditor: Auditor, nodeid: str, told: Counter[tuple[str, str]]) -> None:
        super().__init__(auditor)
        self._nodeid = nodeid
        self._told = told

    @contextmanager
    def expects(self, *codes: str) -> Iterator[list[Finding]]:
        """Expect findings of these rules in the block; the list has them once it is over.

        Raises:
            pytest.fail.Exception: there was none.
        """
        before = {entry.finding.fingerprint: entry.tests.get(self._nodeid, 0) for entry in self._entries(())}
        found: list[Finding] = []
        yield found
        for entry in self._entries(codes):
            fingerprint, count = entry.finding.fingerprint, entry.tests.get(self._nodeid, 0)
            if count > before.get(fingerprint, 0):
                found.append(entry.finding)
                self._told[self._nodeid, fingerprint] = count
        if not found:
            pytest.fail(f"isolation-audit found nothing here, and {' or '.join(codes) or 'a finding'} was expected")
