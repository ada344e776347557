"""What lies in a cache, as plain data."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest

from isolation_audit.content.entries import of_entry
from isolation_audit.content.request_texts import text_of


class Note:
    """An object as applications make them."""

    def __init__(self, owner: Any) -> None:
        self.owner = owner

    @property
    def surprise(self) -> str:
        raise AssertionError("nothing of it runs")


class Text(str):  # noqa: SLOT000 - as those of applications
    """A text of a class of its own, as templates make them."""


class Colour(Enum):
    """What is no plain key."""

    RED = "red"


@pytest.mark.parametrize(
    "entry",
    [
        [Note("alice.liddell")],
        {"note": (Note("alice.liddell"),)},
        {Colour.RED: Note("alice.liddell")},
        {("alice.liddell", 1): 7},
        [Note(Text("alice.liddell"))],
        Text("alice.liddell"),
        frozenset({"alice.liddell"}),
    ],
    ids=lambda one: type(one).__name__,
)
def test_whatever_holds_it(entry: Any) -> None:
    text, whole = text_of(of_entry(entry))
    assert "alice.liddell" in text
    assert whole


def test_a_single_object_may_have_been_written_to_since() -> None:
    note = Note("alice.liddell")
    assert of_entry(note) is note


def test_rows_of_sqlalchemy() -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.text("SELECT 7 AS n, 'alice.liddell' AS who")).fetchall()
    engine.dispose()
    assert of_entry(rows) == [[7, "alice.liddell"]]


def test_records_that_lead_back_to_each_other_end() -> None:
    first, second = {}, {}
    first["other"], second["other"], second["who"] = second, first, "alice.liddell"
    assert "alice.liddell" in text_of(of_entry(first))[0]


def test_very_many_are_cut() -> None:
    assert len(of_entry(list(map(str, range(20_000))))) < 20_000


def test_code_is_no_data() -> None:
    assert of_entry([Note, len, pytest]) == [Note, len, pytest]
