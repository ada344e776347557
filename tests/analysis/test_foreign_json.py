"""JSON that somebody else has written, and what is none."""

from __future__ import annotations

import pytest

from isolation_audit.analysis.foreign_json import value_in


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"user": ["alice", 1]}', {"user": ["alice", 1]}),
        (b'"alice"', "alice"),
        ("alice", None),
        ("", None),
        ("[" * 100_000, None),
        ('{"user":' * 100_000, None),
        ("1" * 5_000, None),
        (b"\xff\xfe\xff", None),
    ],
)
def test_what_is_no_json_that_can_be_read_holds_nothing(text, value):
    assert value_in(text) == value
