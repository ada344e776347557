"""By which names a code object gets at its values: ``context.user_id``, ``Registry._instances``, ``globals()``.

Only straight loads are followed: a name, and attributes of it. A local variable that is set once stands for what it is
set to. Nothing is parsed, and nothing runs.
"""

from __future__ import annotations

import opcode
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from isolation_audit.analysis.bytecode import local_names, operations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

Root = Literal["local", "global", "free", "constant", "globals"]


class Chain(NamedTuple):
    """A name, and the attributes that are read from it.

    ``root`` says what ``name`` is: a parameter, a global, a name of the function around, or a constant's value;
    ``globals`` is the module's own dict.
    """

    root: Root
    name: Any
    attributes: tuple[str, ...] = ()

    def __str__(self) -> str:
        first = "globals()" if self.root == "globals" else repr(self.name) if self.root == "constant" else self.name
        return ".".join((first, *self.attributes))

    def then(self, attribute: str) -> Chain:
        """The chain to an attribute of this one."""
        return self._replace(attributes=(*self.attributes, attribute))


class Step(NamedTuple):
    """One operation in the form that all versions have in common; ``value`` is a name, a constant or a number."""

    kind: str
    value: Any = None


_SKIPPED: Final = frozenset(
    {"CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "PUSH_NULL", "RESUME", "TO_BOOL", "NOT_TAKEN", "COPY", "SWAP"}
)
_LOCAL: Final = {
    "LOAD_FAST": "local",
    "LOAD_FAST_CHECK": "local",
    "LOAD_FAST_BORROW": "local",
    "LOAD_FAST_AND_CLEAR": "local",
    "STORE_FAST": "set local",
    "STORE_FAST_MAYBE_NULL": "set local",
    "LOAD_DEREF": "free",
    "STORE_DEREF": "set free",
}
_PAIRS: Final = {
    "LOAD_FAST_LOAD_FAST": ("local", "local"),
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": ("local", "local"),
    "STORE_FAST_LOAD_FAST": ("set local", "local"),
    "STORE_FAST_STORE_FAST": ("set local", "set local"),
}
"""One operation for two, from Python 3.13 on."""
_OTHER: Final = {"STORE_SUBSCR": "set item", "CHECK_EXC_MATCH": "decide"}
_KEY: Final = 6
"""Steps that a key may take."""
_METHOD_BIT: Final = int("LOAD_SUPER_ATTR" in opcode.opmap)
"""From Python 3.12 on, a bit beside the number of an attribute says whether it is called as a method."""
_NAMED: Final = {
    "LOAD_GLOBAL": ("global", 1),
    "LOAD_NAME": ("global", 0),
    "LOAD_ATTR": ("attribute", _METHOD_BIT),
    "LOAD_METHOD": ("attribute", 0),
    "STORE_GLOBAL": ("set global", 0),
    "STORE_ATTR": ("set attribute", 0),
}
"""With the bits beside the number of the name."""
_CONSTANTS: Final = frozenset(map(id, (str, bytes, int, float, bool, type(None))))


def steps(code: CodeType) -> list[Step]:
    """The operations of a code object."""
    return list(_steps(code))


def _steps(code: CodeType) -> Iterator[Step]:
    local = local_names(code)
    for _offset, name, arg, _target in operations(code):
        if name in _SKIPPED:
            continue
        if name in _LOCAL:
            yield Step(_LOCAL[name], local[arg])
        elif name in _PAIRS:
            first, second = _PAIRS[name]
            yield Step(first, local[arg >> 4])
            yield Step(second, local[arg & 15])
        elif name in _NAMED:
            kind, bits = _NAMED[name]
            yield Step(kind, code.co_names[arg >> bits])
        else:
            yield _nameless(code, name, arg)


def _nameless(code: CodeType, name: str, arg: int) -> Step:
    if name == "LOAD_CONST":
        value = code.co_consts[arg]
        # Generated code may have any object there: it is not asked for its hash.
        return Step("constant", value) if id(type(value)) in _CONSTANTS else Step("other")
    if name == "CALL":
        return Step("call", arg)
    if "JUMP" in name and "IF" in name:
        return Step("decide")
    return Step(_OTHER.get(name, "other"))


class Names:
    """The steps of one code object, and the chains that end at them."""

    def __init__(self, code: CodeType) -> None:
        self.steps = steps(code)
        self._parameters = frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
        self._cells = frozenset(code.co_cellvars)
        self._ending: dict[int, tuple[Chain, int] | None] = {}
        self.stores: list[int] = []
        """Steps that keep something outside of the function's own variables."""
        self.decisions: list[int] = []
        self._set: dict[str, int] = {}
        """Where a local variable is set; -1 for one that is set at several places."""
        for number, step in enumerate(self.steps):
            if step.kind == "decide":
                self.decisions.append(number)
            elif step.kind.startswith("set ") and step.kind != "set local":
                self.stores.append(number)
            if step.kind == "set local" or (step.kind == "set free" and step.value in self._cells):
                self._set[step.value] = -1 if step.value in self._set else number

    def ending_at(self, number: int) -> tuple[Chain, int] | None:
        """The chain whose value is on the stack after a step, and the step where it begins."""
        if number < 0:
            return None
        if number not in self._ending:
            self._ending[number] = self._end(number)
        return self._ending[number]

    def is_set_next(self, number: int) -> bool:
        """Whether what a step gives is where the next entry is put: ``container[key] = ...``."""
        for step in self.steps[number + 1 : number + 1 + _KEY]:
            if step.kind == "set item":
                return True
            if step.kind not in ("constant", "local", "free", "global", "attribute"):
                return False
        return False

    def _end(self, number: int) -> tuple[Chain, int] | None:
        step = self.steps[number]
        if step.kind == "attribute":
            before = self.ending_at(number - 1)
            return None if before is None else (before[0].then(step.value), before[1])
        if step.kind in ("constant", "global"):
            return Chain(step.kind, step.value), number  # type: ignore[arg-type]
        if step.kind in ("local", "free"):
            chain = self._variable(step, number)
            return None if chain is None else (chain, number)
        if step.kind == "call":
            return self._called(step.value, number)
        return None

    def _variable(self, step: Step, number: int) -> Chain | None:
        name = step.value
        if step.kind == "free" and name not in self._cells:
            return Chain("free", name)
        if name not in self._set:
            return Chain("local", name) if name in self._parameters else None
        place = self._set[name]
        found = self.ending_at(place - 1) if 0 <= place < number and name not in self._parameters else None
        return None if found is None else found[0]

    def _called(self, arguments: int, number: int) -> tuple[Chain, int] | None:
        """``type(self)`` and ``globals()``; other calls are not followed."""
        if arguments == 0 and number and self.steps[number - 1] == ("global", "globals"):
            return Chain("globals", ""), number - 1
        of = self.ending_at(number - 1) if arguments == 1 else None
        if of is not None and of[1] and self.steps[of[1] - 1] == ("global", "type"):
            return of[0].then("__class__"), of[1] - 1
        return None
