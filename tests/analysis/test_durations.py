"""Durations are never shown with an exponent, and never as a thousand milliseconds."""

from __future__ import annotations

import pytest

from isolation_audit.analysis.durations import duration


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0 ms"),
        (0.0004, "0 ms"),
        (0.012, "12 ms"),
        (0.9994, "999 ms"),
        (0.9996, "0.9996 s"),
        (1.0, "1 s"),
        (4.4512, "4.451 s"),
        (14.06, "14.06 s"),
        (86_400.0, "86,400 s"),
        (1e7, "10,000,000 s"),
    ],
)
def test_shown(seconds, shown) -> None:
    assert duration(seconds) == shown
