"""Where in a JSON document something is: a path without values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from isolation_audit.content.fields import field_of

USERS = ("alice", "bob")


def field(document: Any, skip: frozenset[str] = frozenset()) -> str | None:
    text = document if type(document) is str else json.dumps(document)

    def holds(value: Any) -> bool:
        return "alice" in (value if type(value) is str else json.dumps(value))

    return field_of(text, holds, USERS.__contains__, skip)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"items": [{"owner": "bob"}, {"owner": "x"}, {"owner": "alice"}]}, "$.items[2].owner"),
        ([["bob"], ["of alice"]], "$[1][0]"),
        ({"a-b": {"c_d2": "alice"}}, "$.a-b.c_d2"),
        ({"users": {"alice": 1}}, "$.users.*"),
        ({"users": {"bob": {"friend": "alice"}}}, "$.users.*.friend"),
        ({"by": {"7f00-33": {"x": "alice"}}}, "$.by.*.x"),
        ({"x": "bob"}, None),
        ("hello alice", None),
        ('{"x": "alice"', None),
    ],
)
def test_the_path(document: Any, path: str | None) -> None:
    assert field(document) == path


def test_what_is_skipped_does_not_count() -> None:
    assert field({"author": "alice", "text": {"author": "bob", "of": "alice"}}, frozenset({"author"})) == "$.text.of"


def test_a_long_list_is_halved() -> None:
    asked = 0

    def holds(value: Any) -> bool:
        nonlocal asked
        asked += 1
        return "alice" in str(value)

    items = [{"n": number} for number in range(4_000)] + [{"n": "alice"}]
    assert field_of(json.dumps(items), holds, USERS.__contains__, frozenset()) == "$[4000].n"
    assert asked < 40


def test_a_deep_document_ends_somewhere() -> None:
    document: Any = "alice"
    for _ in range(100):
        document = {"a": document}
    path = field(document)
    assert path is not None
    assert path.startswith("$.a.a")
