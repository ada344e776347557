"""A test that fails with its auditor running must not fail the others."""

from __future__ import annotations

import pytest

import isolation_audit
from isolation_audit.instrument.patching import inlined


@pytest.fixture(params=["inlined", "shim"])
def installation(request, monkeypatch):
    """Uses of engines are compared in the function's own code, and in a shim before it, as on an unknown Python."""
    if request.param == "shim":
        monkeypatch.setattr(inlined, "KNOWN", False)
    return request.param


@pytest.fixture(autouse=True)
def _stopped_afterwards(request):
    yield
    if "pair" not in request.fixturenames:
        isolation_audit.uninstrument()
