"""Frozen classes that are cheap to define are the standard library's dataclasses to whoever uses them."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field, fields, replace

import pytest

from isolation_audit.foundation.records import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0
    names: list[str] = field(default_factory=list)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Named(Point):
    name: str = "origin"

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a name is not empty")


def test_it_is_made_as_any_other() -> None:
    assert Point(1) == Point(x=1, y=0, names=[], secret="")
    assert Point(1).names is not Point(1).names
    assert Named(1, 2, [], "", "end").name == "end"
    with pytest.raises(ValueError, match="not empty"):
        Named(1, name="")


@pytest.mark.parametrize(
    ("args", "given", "words"),
    [
        ((), {}, "missing required argument 'x'"),
        ((1, 2, [], "", 5), {}, "takes 4 arguments but 5 were given"),
        ((1,), {"x": 2}, "multiple values for argument 'x'"),
        ((1,), {"z": 2}, "unexpected keyword argument 'z'"),
    ],
)
def test_what_it_is_not_given_is_told(args: tuple[object, ...], given: dict[str, object], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        Point(*args, **given)  # type: ignore[arg-type]


def test_it_is_equal_to_its_own_kind_alone() -> None:
    assert Point(1) != Point(2)
    assert Point(1) != Named(1)
    assert Point(1) != 1
    assert hash(replace(Named(1), names=())) == hash(Named(1, names=()))  # type: ignore[arg-type]


def test_it_is_frozen_and_has_no_room() -> None:
    point = Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del point.x
    assert not hasattr(point, "__dict__")


def test_it_is_shown_copied_and_pickled() -> None:
    named = Named(1, 2, ["a"], "hidden")
    assert repr(named) == "Named(x=1, y=2, names=['a'], name='origin')"
    assert pickle.loads(pickle.dumps(named)) == copy.deepcopy(named) == replace(named) == named
    assert [one.name for one in fields(named)] == ["x", "y", "names", "secret", "name"]
    match named:
        case Named(1, y):
            assert y == 2


def test_only_frozen_classes_with_slots() -> None:
    with pytest.raises(TypeError, match="frozen classes with slots"):
        dataclass(frozen=False, slots=True)
