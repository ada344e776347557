"""One identifier in a text: as a whole, or as a part of something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit.content.borders import mentions


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("ann", "ann"),
        ("rows of ann", "ann"),
        ("rows_of_ann", "ann"),
        ("tenant-ann/annual", "ann"),
        ("annual report of ann, 5", "ann"),
        ("ann@example.com", "ann"),
        ("of ann@example.com", "ann@example.com"),
        ("123", "123"),
        ("id=123456789;", "123456789"),
        ("-x-", "-x-"),
        ("a-x-b", "-x-"),
        ("für jürgen", "jürgen"),
    ],
)
def test_named(text: str, identifier: str) -> None:
    assert mentions(text, identifier)


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("annual", "ann"),
        ("Joann", "ann"),
        ("planning", "ann"),
        ("ann2", "ann"),
        ("2ann", "ann"),
        ("annöm", "ann"),
        ("annual, channel, Joanna", "ann"),
        ("an", "an"),
        ("of an", "an"),
        ("total: 123", "123"),
        ("", "ann"),
    ],
)
def test_not_named(text: str, identifier: str) -> None:
    assert not mentions(text, identifier)


def test_a_part_of_somebody_else_s_identifier_is_theirs() -> None:
    known = {"ann-marie", "ann.lee@example.com"}.__contains__
    assert not mentions("of ann-marie.", "ann", known)
    assert not mentions("to: ann.lee@example.com", "ann", known)
    assert mentions("of ann-marie and ann", "ann", known)
    assert mentions("ann-sophie", "ann", known)


@given(st.text(max_size=20), st.text(min_size=1, max_size=5))
def test_what_is_named_is_in_there(text: str, identifier: str) -> None:
    assert not mentions(text, identifier) or identifier in text


@given(st.text(max_size=5), st.from_regex(r"[a-z]{3,8}", fullmatch=True), st.text(max_size=5))
def test_between_signs_it_is_named(before: str, identifier: str, after: str) -> None:
    assert mentions(f"{before} {identifier}, {after}", identifier)
