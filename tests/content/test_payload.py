"""The walk over payloads: every text once, within bounds, and none of the application's code."""

from __future__ import annotations

import array
import datetime as dt
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field, make_dataclass
from enum import Enum
from typing import Any
from uuid import UUID

import pydantic
import pytest

from isolation_audit.content import payload as bounds
from isolation_audit.content.payload import Gathering


def texts(payload: Any, *skip: str) -> list[str]:
    return Gathering(payload, frozenset(skip)).texts


@dataclass
class Note:
    author: str
    parts: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class Slotted:
    author: str
    missing: str = field(init=False, repr=False)


class Model(pydantic.BaseModel):
    model_config = {"extra": "allow"}
    author: str
    _private: str = "private"


Pair = namedtuple("Pair", "left right")


class Word(str, Enum):  # noqa: UP042 - as older applications write it
    ID = "user-1"


@pytest.mark.parametrize(
    "payload",
    [
        "user-1",
        b"user-1",
        bytearray(b"user-1"),
        memoryview(b"user-1"),
        Word.ID,
        {"user-1": 1},
        {1: {2: ["x", ("y", {"user-1"})]}},
        OrderedDict(a="user-1"),
        defaultdict(list, a=["user-1"]),
        deque(["user-1"]),
        frozenset({"user-1"}),
        Pair("user-1", 2),
        Note("user-1"),
        Note("x", [Note("y", [Slotted("user-1")])]),
        Model(author="user-1"),
        Model(author="x", more={"deep": ["user-1"]}),
        {"a": Model(author="user-1"), "at": dt.datetime(2030, 1, 1)},
    ],
    ids=lambda payload: type(payload).__name__,
)
def test_found_in(payload: Any) -> None:
    assert "user-1" in texts(payload)


def test_numbers_and_uuids() -> None:
    assert texts([7, True, 1.5, None, 10**5000, -(10**5000), UUID(int=1)]) == ["7", "", "", str(UUID(int=1))]


def test_private_attributes_are_not_sent() -> None:
    assert texts(Model(author="x")) == ["x"]


@pytest.mark.parametrize("payload", [{"a": "x", "note": {"b": "y"}}, Note("x", ["y"]), Model(author="x", note="y")])
def test_fields_that_are_skipped(payload: Any) -> None:
    assert {text for text in texts(payload, "note", "parts") if len(text) == 1 and text in "xy"} == {"x"}


def test_cycles_and_depth() -> None:
    ring: list[Any] = ["x"]
    ring.append({"again": ring})
    assert sorted(texts(ring)) == ["again", "x"]
    deep: Any = "bottom"
    for _ in range(50_000):
        deep = [deep]
    assert texts(deep) == ["bottom"]


class Hostile(Exception):
    """Raised by everything that a payload may be asked."""


def _raise(*_: Any) -> Any:
    raise Hostile


ASKED = ("__getattr__", "__getattribute__", "__iter__", "__len__", "__getitem__", "__str__", "__repr__", "__hash__")
HOSTILE = {
    **dict.fromkeys(
        (*ASKED, "items", "keys", "values", "__eq__", "__bool__", "__bytes__", "decode", "__index__"), _raise
    ),
    "__class__": property(_raise),
    "__dict__": property(_raise),
}


@pytest.mark.parametrize("base", [object, dict, list, tuple, set, str, bytes, int, deque, bytearray])
def test_the_code_of_a_payload_is_never_run(base: type) -> None:
    class Meta(type):
        __getattribute__ = __eq__ = __hash__ = __instancecheck__ = __subclasscheck__ = _raise  # type: ignore[assignment]

    plain = type("Plain", (base,), {key: value for key, value in HOSTILE.items() if key != "__dict__"})
    Gathering([object.__new__(plain) if base is object else base.__new__(plain)])
    marked = type("Marked", (base,), {**HOSTILE, "__dataclass_fields__": property(_raise)})
    Gathering([object.__new__(marked) if base is object else base.__new__(marked)])
    shy = Meta("Shy", (), {"__dataclass_fields__": {}})
    Gathering([object.__new__(shy), shy])


def test_properties_in_place_of_fields_are_not_read() -> None:
    cls = make_dataclass("Lazy", ["author"])
    one = cls("user-1")
    cls.author = property(_raise)
    assert texts(one) == ["user-1"]


def test_long_texts_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "CHARACTERS", 100)
    for payload in ("x" * 101, b"x" * 101, bytearray(101), memoryview(b"x" * 101), ["x" * 60, "y" * 60]):
        gathered = Gathering(payload)
        assert gathered.truncated
        assert sum(map(len, gathered.texts)) <= 101
    assert not Gathering("x" * 99).truncated


def test_many_values_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "NODES", 100)
    for payload in (
        ["x"] * 101,
        dict.fromkeys(map(str, range(60)), "x"),
        {str(n) for n in range(101)},
        [[[0] * 60]] * 2,
    ):
        assert Gathering(payload).truncated is not (payload == [[[0] * 60]] * 2)
    assert not Gathering(["x"] * 99).truncated


def test_exotic_buffers() -> None:
    """Memory with gaps and arrays are no text; contiguous memory of any format is read as bytes."""
    gathered = Gathering(
        [memoryview(array.array("b", b"user-1")), memoryview(b"abcdef")[::2], array.array("b", b"user-2")]
    )
    assert gathered.texts == ["user-1"]
    assert not gathered.truncated


def test_a_dict_of_texts_is_gathered_as_any_other() -> None:
    """The usual payload has a short way; what is not of that kind takes the long one, with the same texts."""
    plain = {"question": "what?", "answer": "that", "": "x" * 10}
    assert Gathering(plain).texts == ["question", "what?", "answer", "that", "", "x" * 10]
    assert Gathering({**plain, "n": 1.5}).texts == [*Gathering(plain).texts, "n"]
    assert Gathering(plain, skip=frozenset({"question"})).texts == ["answer", "that", "", "x" * 10]
    many = {str(number): str(number) for number in range(100)}
    assert Gathering(many).texts == [text for number in range(100) for text in (str(number),) * 2]
    assert Gathering({"a": "x" * 10_000}).texts == ["a", "x" * 10_000]


def test_classes_that_have_nothing_to_say_are_known_again_until_they_have() -> None:
    class Row:
        def __init__(self) -> None:
            self.owner = "bob"

    rows = [Row(), Row(), "alice"]
    for _ in range(2):
        assert Gathering(rows).texts == ["alice"]
    Row.__fields__ = ("owner",)  # type: ignore[attr-defined]
    assert Gathering(rows).texts == ["bob", "bob", "alice"]


def test_a_buffer_that_can_not_be_read_hides_no_other() -> None:
    letters = memoryview(b"a.l.i.c.e")
    for _ in range(2):
        assert Gathering([letters[::2], letters[::1]]).texts == ["a.l.i.c.e"]
