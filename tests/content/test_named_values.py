"""Names and values in what has come in or goes out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from isolation_audit.content.named_values import pairs_in, texts_by_name


class Form(dict):
    """As frameworks make them."""


@pytest.mark.parametrize(
    "held",
    [
        {"name": "alice", "age": 3},
        '{"name": "alice", "age": 3}',
        b'{"name": "alice", "age": 3}',
        [{"name": "alice", "age": 3}],
        Form(name="alice", age=3),
    ],
)
def test_objects_and_their_texts(held):
    assert [*pairs_in(held)] == [("name", "alice"), ("age", 3)]
    assert [*texts_by_name(held)] == [("name", "alice")]


@pytest.mark.parametrize("held", ["name=alice&age=3", b"name=alice&age=3", [("name", "alice"), ("age", "3")]])
def test_forms(held):
    assert [*pairs_in(held)] == [("name", "alice"), ("age", "3")]


@pytest.mark.parametrize("held", ["hello", b"\xff\xfe", 42, None, [], {}, "[1, 2]", '{"a": ', ({"a": 1},)[:0]])
def test_what_has_no_names(held):
    assert [*pairs_in(held)] == []


def test_what_is_inside_counts_where_it_is_entered():
    held = {"user": {"id": 1}, "items": [{"id": 2}, [{"id": 3}]], 7: {"id": 4}}
    assert [value for name, value in pairs_in(held) if name == "id"] == [1, 2, 3, 4]
    asked: list[Any] = []

    def enters(name: Any, value: Any) -> bool:
        asked.append((name, value))
        return name == "user"

    assert [value for name, value in pairs_in(held, enters=enters) if name == "id"] == [1]
    assert asked == [*held.items()]


def test_what_lies_deeper_is_not_looked_through():
    held: Any = {"innermost": 1}
    for _ in range(100):
        held = {"in": held}
    assert [name for name, _value in pairs_in(held, 3)] == ["in"] * 3
    assert [*pairs_in(json.dumps(held), 3)] == [*pairs_in(held, 2)]
