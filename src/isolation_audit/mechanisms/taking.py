"""Whether a listener takes whatever it is given: keeps it or passes it on, without a look at whose it is.

That one user's listener is called with another's event is no harm as long as it can tell them apart. Nothing can be put
around a comparison, so the listener is read instead, once, when it matters. It takes everything where what it is given
is kept in a container or an attribute, or sent on through a library, and where neither itself nor what it calls
decides anything. What can't be read, or resolved, is believed to choose: a missed leak is better than a false one.
"""

from __future__ import annotations

import ast
import builtins
from collections import deque
from functools import partial
from types import (
    BuiltinFunctionType,
    BuiltinMethodType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MethodType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.instrument.resolve import find, function_of
from isolation_audit.mechanisms.sources import UNKNOWN, member, named, source_of

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPTH: Final = 3
"""Calls below the listener that are followed."""

_CONTAINERS: Final = (list, deque, set)
_KEEPING: Final = frozenset({"add", "append", "appendleft", "extend", "insert", "update"})
_SENDING: Final = frozenset({"send", "send_bytes", "send_json", "send_str", "send_text", "write"})
_TELLING: Final = frozenset({"create_task", "critical", "debug", "error", "exception", "info", "log", "warning"})
"""Methods that neither keep nor choose: of loggers, and those that run a coroutine."""

_CHOICES: Final = (
    *(ast.If, ast.IfExp, ast.BoolOp, ast.Compare, ast.Match, ast.While, ast.Assert, ast.Raise),
    *(ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Yield, ast.YieldFrom),
)
"""What decides, and what is run by somebody else, later or never."""

_PLAIN: Final = (str, int, float, bool, type(None))
_MOST: Final = 10_000
_PASSES: Final = 4


class Taking:
    """Reads listeners. Code that may choose is read once; what else takes everything depends on what it calls."""

    def __init__(self) -> None:
        self._choosing: dict[int, CodeType] = {}
        """By the identity of the code, which is held, so that it stays its own."""

    def takes(self, listener: Any) -> bool:
        """True where ``listener`` takes everything."""
        bound = 0
        named: set[str] = set()
        while type(listener) is partial:
            bound += len(listener.args)
            named.update(listener.keywords)
            listener = listener.func
        kind = type(listener)
        if kind is BuiltinMethodType:
            return type(listener.__self__) in _CONTAINERS and listener.__name__ in _KEEPING
        function, receiver = function_of(listener), UNKNOWN
        if kind is MethodType:
            function, receiver = function_of(listener.__func__), listener.__self__
        if function is None or kind not in (MethodType, FunctionType):
            return False
        given = _parameters(function)[bound + (receiver is not UNKNOWN) :]
        return self.follows(function, receiver, {*given} - named - _captured(function), DEPTH)

    def follows(self, function: FunctionType, receiver: Any, given: set[str], depth: int) -> bool:
        """The same of a function, and of what comes in the parameters ``given``."""
        if depth < 0:
            return False
        code = function.__code__
        if id(code) in self._choosing:
            return False
        node = source_of(function)
        if node is not None and _Reading(self, function, node, receiver, given, depth).takes():
            return True
        # The code of a decorator is that of all that it decorates.
        if "__wrapped__" not in vars(function) and len(self._choosing) < _MOST:
            self._choosing[id(code)] = code
        return False


class _Reading:
    """One function. ``given`` are the names of what it was given, and of what was made from that."""

    def __init__(
        self,
        taking: Taking,
        function: FunctionType,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        receiver: Any,
        given: set[str],
        depth: int,
    ) -> None:
        self._taking = taking
        self._function = function
        self._receiver = receiver
        self._depth = depth
        roots = [node.body] if isinstance(node, ast.Lambda) else node.body
        self._nodes: list[ast.AST] = [part for root in roots for part in ast.walk(root)]
        code = function.__code__
        self._local = frozenset(code.co_varnames) | frozenset(code.co_cellvars)
        self._first = code.co_varnames[0] if receiver is not UNKNOWN and code.co_argcount else None
        self._given = given

    def takes(self) -> bool:
        """True where something is kept, and nothing decided."""
        if any(isinstance(node, _CHOICES) or getattr(node, "ifs", None) for node in self._nodes):
            return False
        for _ in range(_PASSES):
            for target, value in self._bindings():
                if self._depends(value):
                    self._given.update(name.id for name in ast.walk(target) if isinstance(name, ast.Name))
        if any(isinstance(node, ast.Subscript) and self._routes(node) for node in self._nodes):
            return False
        calls = [self._call(node) for node in self._nodes if isinstance(node, ast.Call)]
        return False not in calls and (True in calls or any(map(self._stores, self._nodes)))

    def _bindings(self) -> Iterator[tuple[ast.expr, ast.expr]]:
        """Local names, and what they are made from."""
        for node in self._nodes:
            if isinstance(node, ast.Assign):
                yield from (
                    (target, node.value) for target in node.targets if isinstance(target, (ast.Name, ast.Tuple))
                )
            elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
                if node.value is not None and isinstance(node.target, ast.Name):
                    yield node.target, node.value
            elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
                yield node.target, node.iter

    def _depends(self, node: ast.AST) -> bool:
        return any(isinstance(part, ast.Name) and part.id in self._given for part in ast.walk(node))

    def _routes(self, node: ast.Subscript) -> bool:
        """Something of the listener's own is looked up by what it was given: it goes where it belongs."""
        return self._depends(node.slice) and not self._depends(node.value)

    def _stores(self, node: ast.AST) -> bool:
        """What was given is put into an attribute, an item, or a name of somebody else's."""
        if not isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            return False
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if node.value is None or not self._depends(node.value):
            return False
        return any(
            not self._depends(target) if isinstance(target, (ast.Attribute, ast.Subscript)) else self._is_outer(target)
            for target in targets
        )

    def _is_outer(self, target: ast.expr) -> bool:
        return isinstance(target, ast.Name) and target.id not in self._local

    def _call(self, node: ast.Call) -> bool | None:
        """True where a call takes what it is handed, False where it may choose; None where neither matters."""
        handed = [*node.args, *(keyword.value for keyword in node.keywords)]
        if not any(map(self._depends, handed)):
            return None
        value, receiver = self._value(node.func), UNKNOWN
        if isinstance(node.func, ast.Attribute):
            if self._depends(node.func.value):
                return None  # a method of what was given
            receiver = self._value(node.func.value)
        function = function_of(value)
        if function is not None and not is_installed(function.__code__.co_filename):
            own = UNKNOWN if issubclass(type(receiver), (type, ModuleType)) else receiver
            return self._taking.follows(function, own, self._handed(node, function, own), self._depth - 1)
        return self._outside(node, value, receiver)

    def _handed(self, node: ast.Call, function: FunctionType, receiver: Any) -> set[str]:
        """The parameters of what is called in which it gets something of what was given."""
        names = _parameters(function)
        free = names[receiver is not UNKNOWN :]
        found: set[str] = set()
        for place, value in enumerate(node.args):
            if self._depends(value):
                # Behind a star it may be any of the following; what has no parameter of its own is in the last ones.
                found.update(free[place:] if isinstance(value, ast.Starred) else free[place : place + 1] or names[-2:])
        for keyword in node.keywords:
            if self._depends(keyword.value):
                found.update([keyword.arg] if keyword.arg in free else free if keyword.arg is None else names[-1:])
        return found

    def _outside(self, node: ast.Call, value: Any, receiver: Any) -> bool | None:
        """The same of what is not the application's own, or can't be told."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in _KEEPING:
            return True
        if name in _SENDING and value is not UNKNOWN:
            return None if any(self._depends(keyword.value) for keyword in node.keywords) else True
        if name in _TELLING:
            return None
        # Of an instance it may be a queue's, and whoever reads from that may choose.
        plain = receiver is UNKNOWN or issubclass(type(receiver), ModuleType)
        return None if plain and issubclass(type(value), (type, FunctionType, BuiltinFunctionType)) else False

    def _value(self, node: ast.expr) -> Any:
        """What a name means, or an attribute; nothing of the application's runs for it."""
        if isinstance(node, ast.Name):
            return self._receiver if node.id == self._first else self._named(node.id)
        if not isinstance(node, ast.Attribute):
            return UNKNOWN
        owner = self._value(node.value)
        if owner is UNKNOWN:
            return UNKNOWN
        if issubclass(type(owner), (type, ModuleType)):
            return member(owner, node.attr)
        fields = fields_of(owner)
        if node.attr in fields:
            return fields[node.attr]
        home, raw = find(type(owner), node.attr)
        return UNKNOWN if home is None or type(raw) is property else raw

    def _named(self, name: str) -> Any:
        if name in self._local:
            return UNKNOWN
        return named(self._function, name, vars(builtins).get(name, UNKNOWN))


def fields_of(instance: Any) -> dict[str, Any]:
    """The attributes of an instance, where the interpreter itself keeps them: a proxy has code of its own for it."""
    keeper = find(type(instance), "__dict__")[1]
    fields = keeper.__get__(instance) if type(keeper) is GetSetDescriptorType else None
    return fields if type(fields) is dict else {}


def _parameters(function: FunctionType) -> tuple[str, ...]:
    code = function.__code__
    several = bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # *args, **kwargs
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + several]


def _captured(function: FunctionType) -> set[str]:
    """Parameters that are there for their default: ``lambda event, inbox=inbox: inbox.append(event)``."""
    code = function.__code__
    defaults = function.__defaults__ or ()
    late = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    every = [*zip(late, defaults, strict=True), *(function.__kwdefaults__ or {}).items()]
    return {name for name, default in every if type(default) not in _PLAIN}
