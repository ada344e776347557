"""A running audit for the tests of mechanisms."""

from __future__ import annotations

import pytest
from auditing import Audit, config

from isolation_audit.auditor import Auditor


@pytest.fixture
def audit():
    """A running audit that knows ``auditing.current_user``; at its end the auditor has had no fault."""
    with Auditor(config()) as auditor:
        made = Audit(auditor)
        yield made
    assert made.faults == {}
