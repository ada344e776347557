"""A test that fails with its auditor running must not fail the others."""

from __future__ import annotations

import pytest

import isolation_audit


@pytest.fixture(autouse=True)
def _stopped_afterwards(request):
    yield
    if "pair" not in request.fixturenames:
        isolation_audit.uninstrument()
