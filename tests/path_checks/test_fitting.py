"""A path against a signature and its annotations: what fits, what never can, what only a run can tell."""

from __future__ import annotations

import functools
from collections import namedtuple
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, NewType, Optional, TypedDict

import attrs
import pydantic
import pytest

from isolation_audit.config.paths import parse_path
from isolation_audit.path_checks.fitting import Callee, fit
from isolation_audit.path_checks.verdicts import Fit

if TYPE_CHECKING:
    # Their module is imported, and their names are no names of this one: as in many an application.
    from collections.abc import Mapping
    from uuid import UUID

UserId = NewType("UserId", str)


@dataclass
class Context:
    user_id: str
    number: int = 0
    inner: Optional[Context] = None  # noqa: UP045 - the old way is in use


class Slotted:
    __slots__ = ("user_id",)


class Model(pydantic.BaseModel):
    user_id: str


class Open(pydantic.BaseModel):
    model_config = {"extra": "allow"}
    user_id: str


@attrs.define
class Defined:
    user_id: UserId


class Message(TypedDict):
    user_id: str
    kind: str


class Pair(NamedTuple):
    user_id: str
    text: str


Loose = namedtuple("Loose", "user_id text")


def unreachable(_self) -> Context:
    raise AssertionError("a property is not read")


class Plain:
    def __init__(self, user_id, context: Context):
        self.user_id = user_id
        self.context = context

    @property
    def user(self) -> Context:
        return self.context

    @property
    def loaded(self) -> Context:
        return unreachable(self)

    @property
    def tried(self) -> Context:
        try:
            return unreachable(self)
        except LookupError:
            return self.context

    @functools.cached_property
    def cached(self) -> Context:
        raise AssertionError("a property is not read")

    def name(self):
        return self.user_id


class Dynamic:
    def __getattr__(self, name):
        raise AssertionError("nothing is asked")


class Filled:
    def __init__(self, **values):
        self.__dict__.update(values)


def takes(
    user_id,
    context: Context,
    slotted: Slotted,
    model: Model,
    open_model: Open,
    defined: Defined,
    message: Message,
    pair: Pair,
    loose: Loose,
    plain: Plain,
    dynamic: Dynamic,
    filled: Filled,
    either: Context | Slotted | None,
    annotated: Annotated[Context, "x"],
    table: dict[str, Context],
    several: list[Context],
    row: tuple[str, int],
    anything: Any,
    mapping: Mapping[str, Any],
    number: int,
    uuid: UUID,
    new: UserId,
    nowhere: Nowhere,  # noqa: F821 - as with an import for type checkers alone
    *rest,
    **more,
):
    pass


def verdict(text, function=takes, ids=(), owner=None, instance=None):
    return fit(parse_path(text), Callee(function.__name__, function, owner, instance), ids)


GOOD = """args.user_id args.context.user_id args.context.inner.user_id args.slotted.user_id args.model.user_id
args.open_model.user_id args.defined.user_id args.message.user_id args.message['kind'] args.pair.user_id args.pair[0]
args.loose.user_id args.plain.user_id args.plain.context.user_id args.plain.user.user_id args.either.user_id
args.annotated.user_id args.table.x.user_id args.table['x'].user_id args.several[0].user_id args.row[0]
args.mapping.user_id args.new args[0] args[1].user_id args.table[args.user_id].user_id kw.user_id"""

NEVER = {
    "args.context.usr_id": "Context has no 'usr_id'; did you mean 'user_id'?",
    "args.context.inner.usr_id": "did you mean 'user_id'?",
    "args.slotted.usr_id": "Slotted has no 'usr_id'; did you mean 'user_id'?",
    "args.model.usr_id": "Model has no 'usr_id'; did you mean 'user_id'?",
    "args.defined.id": "Defined has no 'id'",
    "args.message.usr_id": "Message has no 'usr_id'; did you mean 'user_id'?",
    "args.message['usr_id']": "Message has no 'usr_id'; did you mean 'user_id'?",
    "args.pair.usr_id": "Pair has no 'usr_id'",
    "args.either.usr_id": "has no 'usr_id'",
    "args.plain.name": "Plain.name is a method, and a path calls nothing",
    "args.plain.tried.user_id": "Plain.tried is a property that computes something, and a path computes nothing",
    "args.plain.user.usr_id": "Context has no 'usr_id'",
    "args.plain.context.usr_id": "Context has no 'usr_id'",
    "args.table.x.usr_id": "Context has no 'usr_id'",
    "args.several['user_id']": "a list has no ['user_id'], only numbers",
    "args.row[2]": "a tuple of 2 has no [2]",
    "args.context['user_id']": "a Context can't be read with [...]",
    "args.new.user_id": "str has no 'user_id'",
    "args.number.user_id": "int has no 'user_id'",
    "args.rest": "takes takes *rest: write args[0] for the first of them",
    "args.more": "takes takes **more: write args.NAME for one of them by its name",
    "self.user_id": "takes has no self",
    "args.table[args.context.x].user_id": "Context has no 'x'",
}

OPEN = {
    "args.user_id.id": "nothing says what args.user_id is",
    "args.anything.user_id": "nothing says what args.anything is",
    "args.nowhere.user_id": "nothing says what args.nowhere is",
    "args.mapping.context.user_id": "nothing says what args.mapping.context is",
    "args.plain.loaded.user_id": "only a run tells whether Plain.loaded does more than hand on what lies there",
    "args.plain.cached.user_id": "Plain.cached is read once the application has computed it",
    "args.dynamic.user_id": "Dynamic makes its attributes when they are asked for",
    "args.filled.user_id": "Filled takes attributes of any name",
    "args.open_model.tenant": "Open takes attributes of any name",
    "args.other": "takes takes any keyword, and callers decide on 'other'",
    "args[40]": "takes takes *rest, and callers decide how many",
}


@pytest.mark.parametrize("text", GOOD.split())
def test_what_fits(text):
    assert verdict(text).fit is Fit.GOOD


@pytest.mark.parametrize("text", NEVER)
def test_what_never_can(text):
    found = verdict(text)
    assert found.fit is Fit.NEVER
    assert NEVER[text] in found.reason


@pytest.mark.parametrize("text", OPEN)
def test_what_only_a_run_can_tell(text):
    found = verdict(text)
    assert (found.fit, found.reason) == (Fit.OPEN, OPEN[text])


def test_an_attribute_that_nothing_sets_is_doubtful():
    """From outside somebody may set it: it is no error."""
    found = verdict("args.plain.usr_id")
    assert found.fit is Fit.DOUBTFUL
    assert "nothing in Plain sets 'usr_id'; did you mean 'user_id'?" in found.reason


@pytest.mark.parametrize(
    ("text", "ids", "reason"),
    [
        ("args.number", ("str",), "it gives int, which is no id until identity.id_types = ['str', 'int'] says so"),
        ("args.uuid", ("str",), "it gives uuid, which is no id"),
        ("args.context", ("str",), "it gives a Context, which is no id: go on to the field that is"),
        ("args.context.number", ("str",), "it gives int"),
    ],
)
def test_what_is_no_id(text, ids, reason):
    found = verdict(text, ids=ids)
    assert found.fit is Fit.NEVER
    assert reason in found.reason


@pytest.mark.parametrize(
    ("text", "ids"),
    [("args.number", ("str", "int")), ("args.uuid", ("uuid",)), ("args.new", ("str",)), ("args.anything", ("str",))],
)
def test_what_may_be_an_id(text, ids):
    assert verdict(text, ids=ids).fit is Fit.GOOD


def plain(user_id, text):
    pass


def passing_on(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def hiding(function):
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def test_names_that_are_nearly_right():
    found = verdict("args.usr_id", plain)
    assert (found.fit, found.reason) == (Fit.NEVER, "plain has no parameter 'usr_id'; did you mean 'user_id'?")
    assert verdict("args[2]", plain).reason == "plain has no parameter number 2 (2 in all, from 0)"


def test_a_decorator_that_tells_what_it_wraps():
    assert verdict("args.user_id", passing_on(plain)).fit is Fit.GOOD
    assert verdict("args.usr_id", passing_on(plain)).fit is Fit.NEVER


def test_a_decorator_that_does_not():
    assert verdict("args.user_id", hiding(plain)).fit is Fit.OPEN
    assert verdict("args.kwargs", hiding(plain)).fit is Fit.NEVER


def test_self_is_the_object_of_the_class():
    raw = vars(Plain)["name"]
    assert verdict("self.user_id", raw, owner=Plain, instance=Plain).fit is Fit.GOOD
    assert verdict("self.context.usr_id", raw, owner=Plain, instance=Plain).fit is Fit.NEVER
    assert verdict("args[0]", raw, owner=Plain, instance=Plain).fit is Fit.NEVER
