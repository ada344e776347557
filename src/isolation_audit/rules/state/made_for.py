"""Whom an object was made for: whose id it is built around, in its closures, its defaults, its partials and its fields.

An agent with its tools, a client with its hooks, a chain of callbacks: they are objects inside of objects, and whose
they are stands in a function's closure at the bottom. A copied context is made for whom its variables name. It is asked
for right after they were made: what an object has collected since, for whomever, says nothing of that.
"""

from __future__ import annotations

from collections import deque
from contextvars import Context
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.borders import SHORTEST, mentions
from isolation_audit.instrument.heap.parts import parts
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.model.users import Kind
from isolation_audit.rules.state.contents import OF_THE_PROCESS, is_of_a_collector, is_of_the_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.rules.state.read_inputs import ReadInputs
    from isolation_audit.rules.state.records import Write
    from isolation_audit.rules.state.units import Unit

__builtins__ = BUILTINS

_OBJECTS: Final = 1_500
_DEPTH: Final = 16
_MADE: Final = 64
"""Objects of one unit that are looked into."""

_MANY: Final = 64
"""Items of a container that has collected things."""

_LONGEST: Final = 4_000
"""Characters of a text that is looked through."""

_CODE: Final = frozenset(map(id, (FunctionType, MethodType, BuiltinFunctionType, Context)))
_ENDS: Final = tuple([kind for kind in OF_THE_PROCESS if id(kind) not in _CODE])
_WHO: Final = ("user", "owner", "uid", "account", "principal", "customer", "tenant", "member", "client")
"""Of which the name of a place has one where a number stands, or a short text, that is somebody's id."""


def is_made_for_its_writer(unit: Unit, value: object) -> bool:
    """Of what a unit puts into a place of its own, where the next one finds it."""
    user = unit.user
    if user is None or user.kind is not Kind.USER or unit.made >= _MADE or not _may_be_made(value):
        return False
    unit.made += 1
    return is_made_for(value, user.id)


def by_making(unit: Unit, write: Write, asked: ReadInputs) -> str:
    """What is to be said of an object that another unit has made, and this one has got hold of; empty for nothing."""
    reader, writer, value = unit.user, write.unit.user, write.value()
    if reader is None or writer is None or value is None or asked.holds(writer.id.casefold()):
        return ""
    if write.made_for is None or write.made_for[0] != reader.id:
        write.made_for = reader.id, is_made_for(value, reader.id)
    if write.made_for[1]:
        return ""
    return "it is built around {owner}'s id, in the objects and functions that it is made of"


def may_be_anybodys(value: object) -> bool:
    """True for data, and for what may be made for somebody, though it belongs to the process: a copied context."""
    return type(value) is Context or not is_of_the_process(value)


def _may_be_made(value: Any) -> bool:
    """True for objects and functions: not for data, nor for what belongs to the process."""
    kind = type(value)
    return id(kind) in _CODE or not (kind.__module__ == "builtins" or issubclass(kind, OF_THE_PROCESS))


def is_made_for(value: Any, identifier: str) -> bool:
    """True where an object is built around this id."""
    short = len(identifier) < SHORTEST or identifier.isdecimal()
    for text, word in _texts(value, identifier):
        if short and text == identifier and any(who in word for who in _WHO):
            return True
        if not short and mentions(text[:_LONGEST], identifier):
            return True
    return False


def _texts(value: Any, identifier: str) -> Iterator[tuple[str, str]]:
    """The texts and the numbers in an object, each with the name of its place; not what stands under the id itself."""
    waiting: deque[tuple[Any, str, int]] = deque([(value, "", 0)])
    seen: set[int] = set()
    while waiting and len(seen) < _OBJECTS:
        one, word, depth = waiting.popleft()
        kind = type(one)
        if issubclass(kind, str):
            yield str.__str__(one), word
        elif kind is int:
            yield int.__repr__(one), word
        elif depth < _DEPTH and id(one) not in seen and not _ends(one):
            seen.add(id(one))
            waiting += [
                (inner, step.lower() or word, depth + 1)
                for inner, step, key in (_values(one) if kind is Context else parts(one))
                if key is None or not mentions(str(key), identifier)
            ]


def _values(context: Context) -> Iterator[tuple[Any, str, object]]:
    """What the variables of a context have; the auditor's own are among them."""
    for variable, value in context.items():
        if not type(value).__module__.startswith("isolation_audit"):
            yield value, variable.name, None


def _ends(value: Any) -> bool:
    kind = type(value)
    return issubclass(kind, _ENDS) or is_of_a_collector(kind) or _has_many(value)


def _has_many(value: Any) -> bool:
    return issubclass(type(value), (dict, list, tuple, set, frozenset, deque)) and len(value) > _MANY
