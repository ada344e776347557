"""Whether an answer may have credentials in it: each is looked through for a few words before their expression."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from isolation_audit.rules.content.handed_out import may_have_credentials

MEANT = re.compile(rb"(?i)(?:token|key|session|sid|jwt|auth)[\w-]*\"\s*:\s*\"").search
PARTS = [
    b'"token"',
    b'"Access-Token',
    b'"API_KEY"',
    b"Session_id",
    b'"',
    b":",
    b" ",
    b"\n",
    b'"x"',
    b"monkey",
    b"{",
    b"}",
]


@given(some.lists(some.sampled_from(PARTS), max_size=12).map(b"".join))
def test_it_is_what_the_expression_says(body) -> None:
    assert may_have_credentials(body) is (MEANT(body) is not None)


@pytest.mark.parametrize(
    ("body", "may"), [(b'{"token": "x"}', True), (b'{"KEY" : "x"}', True), (b'{"notes": []}', False)]
)
def test_examples(body, may) -> None:
    assert may_have_credentials(body) is may
