"""Attributes and items are read where they lie; what would be computed, loaded or queried is not known for now."""

from __future__ import annotations

import enum
import functools
import threading
from collections import UserDict, defaultdict, namedtuple
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest
import wrapt

from isolation_audit.config.paths import parse_value_path
from isolation_audit.instrument.reading.layout import MISSING, value_reader

RUN: list[str] = []


def read(value: Any, path: str) -> Any:
    return value_reader(parse_value_path(path))(value)


class Slots:
    __slots__ = ("user_id",)

    def __init__(self):
        self.user_id = "alice"


@dataclass
class Data:
    user_id: str = "alice"


class Kind(enum.Enum):
    STARTED = "started"


Pair = namedtuple("Pair", "user_id other")


class Properties:
    """Properties that hand on what lies there, each of which is read."""

    def __init__(self, user: Any = None):
        self._user_id = "alice"
        self._user = user if user is not None else SimpleNamespace(id="alice", key=UUID(int=7))
        self.claims = {"sub": "alice"}
        self.nobody = None

    @property
    def plain(self):
        return self._user_id

    @property
    def deep(self):
        return self._user.id

    @property
    def by_a_name(self):
        user = self._user
        return user.id

    @property
    def by_another_property(self):
        return self.deep

    @property
    def item(self):
        return self.claims["sub"]

    @property
    def got(self):
        return self.claims.get("sub")

    @property
    def formatted(self):
        return f"user {self._user_id}"

    @property
    def as_text(self):
        return str(self._user.key)

    @property
    def where_there_is_one(self):
        return self._user.id if self._user is not None else None

    @property
    def where_it_is_true(self):
        if self._user_id:
            return self._user_id
        return "nobody"

    @property
    def where_there_is_none(self):
        return self.nobody.id if self.nobody is not None else "nobody"


def noted(function):
    @functools.wraps(function)
    def inner(*args):
        RUN.append(function.__name__)
        return function(*args)

    return inner


class Working:
    """Attributes that do something when they are read."""

    def __init__(self):
        self.calls = 0

    def query(self):
        RUN.append("query")
        return SimpleNamespace(id="alice")

    @property
    def queried(self):
        return self.query().id

    @property
    def counted(self):
        self.calls += 1
        RUN.append("counted")
        return "alice"

    @property
    @noted
    def wrapped(self):
        return "alice"

    @functools.cached_property
    def cached(self):
        RUN.append("cached")
        return "alice"

    @property
    def over_a_cached_one(self):
        return self.cached

    @property
    def compared(self):
        return self.loud == "alice"

    @property
    def tested(self):
        return self.loud and "alice"

    @property
    def loud(self):
        return LOUD


class Loud:
    def __bool__(self):
        RUN.append("bool")
        return True

    def __eq__(self, other):
        RUN.append("eq")
        return True

    __hash__ = object.__hash__


LOUD = Loud()


class Descriptor:
    def __get__(self, instance, owner=None):
        RUN.append("get")
        return "alice"

    def __set__(self, instance, value):
        instance.__dict__["column"] = value


class Row:
    column = Descriptor()


class OnDemand:
    def __getattr__(self, name):
        RUN.append(name)
        return "alice"


class HandsOn:
    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def __getitem__(self, key):
        return self._inner[key]


class Takes:
    def __getattribute__(self, name):
        RUN.append(name)
        return "alice"


class Loading:
    def __getitem__(self, key):
        RUN.append(key)
        return "alice"


class NotingDict(dict):
    def __getitem__(self, key):
        RUN.append(key)
        return super().__getitem__(key)


@pytest.fixture(autouse=True)
def nothing_runs():
    RUN.clear()
    yield
    assert RUN == []


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        (Data(), "user_id", "alice"),
        (Slots(), "user_id", "alice"),
        (Pair("alice", 1), "user_id", "alice"),
        (Pair("alice", 1), "[0]", "alice"),
        (SimpleNamespace(user=Data()), "user.user_id", "alice"),
        (Kind.STARTED, "value", "started"),
        (Kind.STARTED, "name", "STARTED"),
        ({"user": {"id": "alice"}}, "user.id", "alice"),
        ({"user": [Data()]}, "user[0].user_id", "alice"),
        (MappingProxyType({"sub": "alice"}), "sub", "alice"),
        (UserDict(sub="alice"), "sub", "alice"),
        (NotingDict(sub="alice"), "['sub']", "alice"),
        (HandsOn(Data()), "user_id", "alice"),
        (HandsOn(HandsOn(Data())), "user_id", "alice"),
        (HandsOn({"sub": "alice"}), "['sub']", "alice"),
        (wrapt.ObjectProxy(Data()), "user_id", "alice"),
        (Data, "user_id", "alice"),
    ],
)
def test_what_lies_there_is_read(value: Any, path: str, expected: str) -> None:
    assert read(value, path) == expected


@pytest.mark.parametrize("name", [name for name, value in vars(Properties).items() if isinstance(value, property)])
def test_a_property_that_hands_on_what_lies_there(name: str) -> None:
    made = Properties()
    assert read(made, name) == getattr(made, name)
    assert isinstance(read(made, name), str)


def test_a_property_is_asked_only_where_everything_on_its_way_lies_there() -> None:
    class Lazy:
        @functools.cached_property
        def id(self):
            RUN.append("id")
            return "alice"

    user = Lazy()
    made = Properties(user)
    for name in ("deep", "by_a_name", "by_another_property", "where_there_is_one"):
        assert read(made, name) is MISSING
    assert user.id == "alice"
    RUN.clear()
    for name in ("deep", "by_a_name", "by_another_property", "where_there_is_one"):
        assert read(made, name) == "alice", "asked again, it is known"


@pytest.mark.parametrize(
    "name", [name for name, value in vars(Working).items() if hasattr(type(value), "__get__") and name[0] != "_"]
)
def test_what_does_something_is_not_known(name: str) -> None:
    if name not in {"query", "loud"}:
        assert read(Working(), name) is MISSING


def test_a_filled_cache_is_read() -> None:
    working = Working()
    assert read(working, "cached") is MISSING
    assert working.cached == "alice"
    RUN.clear()
    assert read(working, "cached") == read(working, "over_a_cached_one") == "alice"


def test_what_a_descriptor_has_left_in_the_object_is_read() -> None:
    row = Row()
    assert read(row, "column") is MISSING
    row.column = "bob"
    assert read(row, "column") == "bob"


@pytest.mark.parametrize(
    ("value", "path"),
    [(OnDemand(), "user_id"), (Takes(), "user_id"), (Loading(), "['user']"), (defaultdict(str), "user")],
)
def test_what_is_made_on_demand_is_not_made(value: Any, path: str) -> None:
    assert read(value, path) is MISSING
    assert not (type(value) is defaultdict and value)


def test_what_lies_there_beside_getattr_is_read() -> None:
    value = OnDemand()
    value.user_id = "bob"
    assert read(value, "user_id") == "bob"
    local = threading.local()
    local.user_id = "carol"
    assert read(local, "user_id") == "carol"


def test_a_mock_is_asked_for_what_was_set_on_it() -> None:
    mock = Mock()
    assert read(mock, "context.user_id") is MISSING
    assert mock._mock_children == {}, "asking it made nothing"
    mock.context.user_id = "alice"
    assert read(mock, "context.user_id") == "alice"


def test_a_class_may_get_the_attribute_of_one_that_is_gone() -> None:
    for number in range(50):
        kind = type("Kind", (), {"user_id": property(lambda self: noted(str)(self)) if number % 2 else "alice"})
        assert read(kind(), "user_id") == (MISSING if number % 2 else "alice")
        del kind


def test_pydantic_keeps_some_fields_apart() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Context(pydantic.BaseModel):
        model_config = {"extra": "allow"}
        user_id: str
        _token: str = pydantic.PrivateAttr("secret")

        @pydantic.computed_field
        @property
        def shown(self) -> str:
            return self.user_id

    made = Context(user_id="alice", run_id="run-1")
    assert [read(made, name) for name in ("user_id", "run_id", "_token", "shown")] == [
        *("alice", "run-1", "secret", "alice")
    ]
    assert read(made, "nothing") is MISSING
