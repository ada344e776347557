"""Properties that only hand on what lies in the object: ``return self._user.id``. They are read off their code.

Such a property loads attributes and constants, compares with None, and returns. Each attribute on its way is read
safely first; only where all of them lie there, the property itself is asked. One that calls something is not: it may
query, authenticate, or fill a cache. ``str(...)`` of a plain value and ``.get(...)`` of a dict are no such calls.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from isolation_audit.analysis.as_written import as_written
from isolation_audit.analysis.bytecode import operations
from isolation_audit.analysis.flow import flow
from isolation_audit.analysis.nodes import Kind, Node, UnreadableError
from isolation_audit.instrument.reading.lazy_objects import NotReadError
from isolation_audit.instrument.resolve import dict_of, mro_of
from isolation_audit.instrument.shim_codes import beneath

if TYPE_CHECKING:
    from collections.abc import Callable

    ReaderOf = Callable[[str], Callable[[Any], Any]]

_LONGEST: Final = 60
"""Operations of a property that is worth a look."""

_HARMLESS: Final = frozenset(
    {
        *("RESUME", "NOP", "COPY_FREE_VARS", "PRECALL", "CALL", "KW_NAMES", "PUSH_NULL", "POP_TOP", "COPY", "SWAP"),
        *("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_LOAD_FAST", "STORE_FAST", "STORE_FAST_LOAD_FAST", "LOAD_CONST"),
        *("LOAD_ATTR", "LOAD_METHOD", "LOAD_GLOBAL", "IS_OP", "TO_BOOL", "JUMP_FORWARD", "RETURN_VALUE"),
        *("RETURN_CONST", "BINARY_SUBSCR", "FORMAT_VALUE", "FORMAT_SIMPLE", "BUILD_STRING", "CONTAINS_OP"),
        *("RAISE_VARARGS", "LOAD_ASSERTION_ERROR"),
    }
)
"""Operations that run nothing of the application's, as long as the values are plain."""

_PLAIN: Final = frozenset(map(id, (str, int, float, bool, bytes, type(None), UUID)))
_INDEXED: Final = frozenset(map(id, (dict, list, tuple, str)))
_CONVERTING: Final = frozenset({"str", "int"})
_ABSENT: Final = object()
"""An attribute that is not there: to ask for it raises AttributeError, and nothing else."""


def reads_only(function: FunctionType) -> Callable[[Any, ReaderOf], bool] | None:
    """A check for a property's function: True of an object where the property may be asked; None where never."""
    code = as_written(beneath(function).__code__)
    steps = operations(code)
    if code.co_argcount != 1 or code.co_freevars or code.co_exceptiontable or len(steps) > _LONGEST:
        return None
    if any(one.name not in _HARMLESS and "POP_JUMP" not in one.name for one in steps):
        return None
    try:
        nodes = flow(code).nodes
    except UnreadableError:
        return None
    bound = [node.name for node in nodes if node.kind is Kind.BIND]
    if len(bound) != len(set(bound)) or code.co_varnames[0] in bound:
        return None
    decides = any("POP_JUMP_IF_" in one.name.replace("FORWARD_", "").replace("BACKWARD_", "") for one in steps)
    return _Check(nodes, code.co_varnames[0], function.__globals__, decides=decides)


def hands_on(function: FunctionType) -> tuple[str, ...] | None:
    """The attributes ``("a", "b")`` of a property that is ``return self.a.b``, and nothing else."""
    nodes, returned = _only_result(function, parameters=1)
    names: list[str] = []
    while returned is not None and returned.kind is Kind.ATTRIBUTE:
        names.append(returned.name)
        returned = nodes[returned.parts[0]]
    if returned is None or returned.kind is not Kind.LOCAL or returned.name != function.__code__.co_varnames[0]:
        return None
    return tuple(reversed(names))


class _Check:
    """Goes along a property's code with the values that lie there."""

    def __init__(self, nodes: list[Node], receiver: str, names: dict[str, Any], *, decides: bool) -> None:
        self._nodes = nodes
        self._receiver = receiver
        self._names = names
        self._decides = decides

    def __call__(self, instance: Any, reader_of: ReaderOf) -> bool:
        """True where everything that the property asks for lies there."""
        values: list[Any] = []
        variables = {self._receiver: instance}
        try:
            for node in self._nodes:
                values.append(self._value(node, values, variables, reader_of))
        except NotReadError:
            return False
        return True

    def _value(self, node: Node, values: list[Any], variables: dict[str, Any], reader_of: ReaderOf) -> Any:
        kind, parts = node.kind, [values[part] for part in node.parts]
        if kind is Kind.LOCAL:
            return variables.get(node.name, _ABSENT)
        if kind is Kind.CONSTANT:
            return node.value
        if kind is Kind.OUTER:
            return self._names.get(node.name, node)
        if kind is Kind.ATTRIBUTE:
            return self._attribute(parts[0], node.name, reader_of)
        if kind is Kind.ITEM:
            return _item(*parts)
        if kind is Kind.CALL:
            return self._call(node, parts)
        return self._effect(node, parts, values, variables)

    def _effect(self, node: Node, parts: list[Any], values: list[Any], variables: dict[str, Any]) -> Any:
        # Whatever is formatted, compared or tested must be what no code of the application does it for.
        if node.kind not in _EFFECTS or (node.kind is Kind.MADE and not all(map(_is_plain, parts))):
            raise NotReadError(node.name)
        for test in node.control:
            if self._nodes[test].kind is not Kind.IS_NONE:
                _check_test(values[test])
        if node.kind is Kind.BIND:
            variables[node.name] = parts[0]
        return False if node.kind is Kind.IS_NONE else parts[0] if parts else None

    def _attribute(self, base: Any, name: str, reader_of: ReaderOf) -> Any:
        if base is _ABSENT:
            return _ABSENT
        if type(base) is dict and name == "get":
            return base.get
        try:
            found = reader_of(name)(base)
        except AttributeError:
            return _ABSENT
        if self._decides and not _is_plain(found) and _has_opinion(type(found)):
            raise NotReadError(name)  # a test of it would be its own code
        return found

    def _call(self, node: Node, parts: list[Any]) -> Any:
        called, *handed = parts
        callee = self._nodes[node.parts[0]]
        plain = all(map(_is_plain, handed)) and not node.starred and not node.keywords
        if plain and callee.kind is Kind.ATTRIBUTE and callee.name == "get" and type(_owner(called)) is dict:
            return called(*handed)
        if plain and callee.kind is Kind.OUTER and callee.name in _CONVERTING and called is callee and len(handed) == 1:
            return "" if callee.name == "str" else 0
        raise NotReadError(callee.name)


_EFFECTS: Final = frozenset({Kind.BIND, Kind.MADE, Kind.IS_NONE, Kind.RETURN, Kind.DISCARD})


def _check_test(value: Any) -> None:
    if not _is_plain(value) and _has_opinion(type(value)):
        raise NotReadError("test")


def _owner(method: Any) -> Any:
    return getattr(method, "__self__", None) if type(method) is type({}.get) else None


def _is_plain(value: Any) -> bool:
    return value is _ABSENT or id(type(value)) in _PLAIN


def _item(base: Any, key: Any) -> Any:
    if base is _ABSENT or key is _ABSENT:
        return _ABSENT
    if id(type(base)) in _INDEXED and _is_plain(key):
        try:
            return base[key]
        except (LookupError, TypeError):
            return _ABSENT
    raise NotReadError("item")


def _has_opinion(kind: type) -> bool:
    """True where code of the application's decides whether an object is true."""
    return any(
        name in dict_of(base) and type(dict_of(base)[name]) is FunctionType
        for base in mro_of(kind)
        for name in ("__bool__", "__len__")
    )


def getattr_hands_on_to(missing: FunctionType) -> str | None:
    """The attribute ``X`` of a ``__getattr__`` that is ``return getattr(self.X, name)``, and nothing else."""
    nodes, returned = _only_result(missing, parameters=2)
    if returned is None or returned.kind is not Kind.CALL or len(returned.parts) != 3 or returned.starred:
        return None
    called, inner, name = (nodes[part] for part in returned.parts)
    if called.name != "getattr" or called.kind is not Kind.OUTER or "getattr" in missing.__globals__:
        return None
    return _of_receiver(missing, nodes, inner, name)


def getitem_hands_on_to(getting: FunctionType) -> str | None:
    """The attribute ``X`` of a ``__getitem__`` that is ``return self.X[key]``, and nothing else."""
    nodes, returned = _only_result(getting, parameters=2)
    if returned is None or returned.kind is not Kind.ITEM:
        return None
    return _of_receiver(getting, nodes, *(nodes[part] for part in returned.parts))


def _of_receiver(function: FunctionType, nodes: list[Node], inner: Node, name: Node) -> str | None:
    receiver, asked = function.__code__.co_varnames[:2]
    of_receiver = inner.kind is Kind.ATTRIBUTE and nodes[inner.parts[0]].name == receiver
    return inner.name if of_receiver and name.kind is Kind.LOCAL and name.name == asked else None


def _only_result(function: FunctionType, parameters: int) -> tuple[list[Node], Node | None]:
    """What a function of so many parameters returns, where it does nothing else."""
    code = beneath(function).__code__
    steps = operations(code)
    other = code.co_argcount != parameters or len(steps) > _LONGEST or code.co_freevars
    if other or any(one.target >= 0 for one in steps):
        return [], None
    try:
        nodes = flow(code).nodes
    except UnreadableError:
        return [], None
    effects = [node for node in nodes if node.kind.value >= Kind.BIND.value]
    if len(effects) != 1 or effects[0].kind is not Kind.RETURN:
        return [], None
    return nodes, nodes[effects[0].parts[0]]
