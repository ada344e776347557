"""Records that are cheap to define behave as the standard library's dataclasses."""

from __future__ import annotations

import dataclasses
from dataclasses import field

import pytest

from isolation_audit.foundation.records import record


@record
class Note:
    """What is known."""

    text: str
    count: int = 0
    lines: list[str] = field(default_factory=list)


@dataclasses.dataclass(slots=True, eq=False, repr=False)
class Standard:
    """The same by the standard library."""

    text: str
    count: int = 0
    lines: list[str] = field(default_factory=list)


@pytest.mark.parametrize("kind", [Note, Standard])
def test_it_is_made_by_position_and_by_name(kind):
    one, other = kind("a"), kind(text="a", count=2)
    assert (one.text, one.count, one.lines) == ("a", 0, [])
    assert other.count == 2
    assert one.lines is not other.lines
    one.count += 1
    assert one.count == 1
    assert one != kind("a", 1)
    assert [one_field.name for one_field in dataclasses.fields(kind)] == ["text", "count", "lines"]
    assert not hasattr(one, "__dict__")


@pytest.mark.parametrize("kind", [Note, Standard])
@pytest.mark.parametrize("words", [{}, {"text": "a", "other": 1}])
def test_wrong_arguments_are_refused(kind, words):
    with pytest.raises(TypeError):
        kind(**words)
