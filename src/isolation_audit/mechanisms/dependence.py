"""Whether what a function returns depends on who is running, told from its source and from what its names mean.

A value that was cached in one user's request is that user's only if it was made from who they are. Nothing can hook the
reading of a ContextVar, so the function is read instead, once, when its verdict is first needed: a value counts as
dependent where it flows from the ambient variable to what is returned. What is read for a log line, or to refuse the
call, does not. Calls are followed where a name leads to a Python function. What can't be resolved counts as
independent: a missed leak is better than a false one.
"""

from __future__ import annotations

import ast
from contextvars import ContextVar
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from isolation_audit.instrument.resolve import function_of
from isolation_audit.mechanisms.sources import FUNCTIONS, UNKNOWN, member, named, source_of

if TYPE_CHECKING:
    from types import CodeType, FunctionType

DEPTH: Final = 4
"""Calls below the function that are followed."""


class Source(IntEnum):
    """Where a value comes from; the higher one wins where two meet."""

    ELSEWHERE = 0
    CONTEXT = 1
    """The context: another ContextVar, a thread local, a proxy of the request; it may say who is running, or not."""
    AMBIENT = 2
    """The variable that says who is running."""


_CONTEXT_TYPES: Final = {
    ("werkzeug.local", "LocalProxy"),
    ("werkzeug.local", "Local"),
    ("asgiref.local", "Local"),
    ("_thread", "_local"),
}
_NOT_READ: Final = frozenset({"set", "reset", "name"})
"""Attributes of a ContextVar that tell nothing of its value."""

_STORING: Final = frozenset({"add", "aadd", "aget_or_set", "aset", "get_or_set", "set", "setdefault"})
"""Methods of caches whose second argument is the value, or a function that makes it."""

_LOGGING: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
_PASSES: Final = 10


class Dependence:
    """Reads functions on behalf of one ambient variable, each once."""

    def __init__(self, ambient: ContextVar[Any] | None) -> None:
        self.ambient = ambient
        self._known: dict[tuple[int, int, frozenset[str]], tuple[CodeType, ref[type] | None, Source]] = {}
        """By identities: the code is held, and the class is asked whether it is still the one."""
        self._stored: dict[tuple[int, int], tuple[CodeType, Source]] = {}

    def of(
        self,
        function: FunctionType,
        receiver: type | None = None,
        unkeyed: frozenset[str] = frozenset(),
        depth: int = DEPTH,
    ) -> Source:
        """Where the result of ``function`` comes from at most.

        ``receiver`` is the class of ``self`` or ``cls``, where known; ``unkeyed`` names parameters that differ between
        calls which the cache takes for equal.
        """
        key = (id(function.__code__), id(receiver), unkeyed)
        known = self._known.get(key)
        if known is not None and (known[1] is None or known[1]() is receiver):
            return known[2]
        if depth < 0 or len(self._known) >= _MOST:
            return Source.ELSEWHERE
        # Stands while the function is read: one that calls itself adds nothing by that.
        reference = None if receiver is None else ref(receiver)
        self._known[key] = (function.__code__, reference, Source.ELSEWHERE)
        node = source_of(function)
        if node is None:
            return Source.ELSEWHERE
        found = _Reading(self, function, node, receiver, unkeyed, depth).result()
        self._known[key] = (function.__code__, reference, found)
        return found

    def stored(self, function: FunctionType, line: int) -> Source:
        """Where that comes from which ``function`` puts into a cache at ``line``, by a call or an assignment."""
        code = function.__code__
        known = self._stored.get((id(code), line))
        if known is not None:
            return known[1]
        if len(self._stored) >= _MOST:
            return Source.ELSEWHERE
        found, node = Source.ELSEWHERE, source_of(function)
        if node is not None:
            reading = _Reading(self, function, node, None, frozenset(), DEPTH)
            reading.line = line - code.co_firstlineno + 1
            reading.result()
            found = reading.kept
        self._stored[id(code), line] = (code, found)
        return found

    def meaning(self, value: Any) -> Source:
        """What it means to mention ``value``."""
        if value is self.ambient and value is not None:
            return Source.AMBIENT
        kind = type(value)
        if kind is ContextVar or (kind.__module__, kind.__qualname__) in _CONTEXT_TYPES:
            return Source.CONTEXT
        try:
            # How contextvars-extras, and others like it, wrap a variable into a descriptor.
            variable = object.__getattribute__(value, "context_var")
        except AttributeError:
            return Source.ELSEWHERE
        return self.meaning(variable) if type(variable) is ContextVar else Source.ELSEWHERE


_MOST: Final = 10_000


def _asks_whether_any(node: ast.AST) -> bool:
    """True for ``... is None``: the answer says whether somebody is running, which is the same for all who are."""
    if not isinstance(node, ast.Compare) or len(node.ops) > 1 or not isinstance(node.ops[0], (ast.Is, ast.IsNot)):
        return False
    return isinstance(node.comparators[0], ast.Constant) and node.comparators[0].value is None


class _Reading:
    """One function, read until nothing new is learned of its local names."""

    def __init__(
        self,
        dependence: Dependence,
        function: FunctionType,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        receiver: type | None,
        unkeyed: frozenset[str],
        depth: int,
    ) -> None:
        self._dependence = dependence
        self._function = function
        self._node = node
        self._depth = depth
        code = function.__code__
        self._local = frozenset(code.co_varnames) | frozenset(code.co_cellvars)
        first = code.co_varnames[0] if code.co_argcount else None
        self._receiver = (first, receiver) if receiver is not None else None
        self._names: dict[str, Source] = dict.fromkeys(unkeyed, Source.CONTEXT)
        self._found = Source.ELSEWHERE
        self._grown = True
        self.line = 0
        """The line, counted from the function's first one, where something is stored; 0 for no matter."""
        self.kept = Source.ELSEWHERE
        """The highest source of what is stored there."""

    def result(self) -> Source:
        """The highest source of anything that is returned or yielded."""
        if isinstance(self._node, ast.Lambda):
            return self._of(self._node.body)
        for _ in range(_PASSES):
            if not self._grown:
                break
            self._grown = False
            self._block(self._node.body, Source.ELSEWHERE)
        return self._found

    # Statements

    def _block(self, statements: list[ast.stmt], control: Source) -> None:
        for statement in statements:
            self._statement(statement, control)

    def _statement(self, node: ast.stmt, control: Source) -> None:
        if isinstance(node, ast.Return):
            if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
                self._found = max(self._found, self._of(node.value), control)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            source = max(control, self._of(node.value) if node.value is not None else control)
            if self._is_here(node) and isinstance(getattr(node, "targets", [None])[0], ast.Subscript):
                self.kept = max(self.kept, source)
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                self._bind(target, source)
        elif isinstance(node, ast.Expr):
            self._discarded(node.value, control)
        elif isinstance(node, FUNCTIONS):
            self._raise_name(node.name, self._nested(node))
        elif not isinstance(node, ast.ClassDef):
            self._compound(node, control)

    def _compound(self, node: ast.stmt, control: Source) -> None:
        if isinstance(node, (ast.If, ast.While)):
            control = max(control, self._of(node.test))
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            control = max(control, self._of(node.iter))
            self._bind(node.target, control)
        elif isinstance(node, ast.Match):
            control = max(control, self._of(node.subject))
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                if item.optional_vars is not None:
                    self._bind(item.optional_vars, self._of(item.context_expr))
        for field in ("body", "orelse", "finalbody"):
            self._block(getattr(node, field, []), control)
        for part in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
            for name in ast.walk(part.pattern) if isinstance(part, ast.match_case) else ():
                self._raise_name(getattr(name, "name", None), control)
            self._block(part.body, control)

    def _discarded(self, value: ast.expr, control: Source) -> None:
        """An expression for its effect: what is handed to a method of a local object may be kept in it."""
        self._of(value)
        call = value.value if isinstance(value, ast.Await) else value
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            return
        base = call.func.value
        parameters = self._function.__code__.co_varnames[: self._function.__code__.co_argcount]
        if isinstance(base, ast.Name) and base.id not in parameters and call.func.attr not in _LOGGING:
            handed = [*call.args, *(keyword.value for keyword in call.keywords)]
            self._raise_name(base.id, max([control, *map(self._of, handed)]) if handed else Source.ELSEWHERE)

    def _bind(self, target: ast.expr, source: Source) -> None:
        if isinstance(target, ast.Name):
            self._raise_name(target.id, source)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                self._bind(part, source)
        elif isinstance(target, (ast.Subscript, ast.Starred)):
            self._bind(target.value, source)

    def _raise_name(self, name: str | None, source: Source) -> None:
        if name is not None and name in self._local and self._names.get(name, Source.ELSEWHERE) < source:
            self._names[name] = source
            self._grown = True

    def _nested(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Source:
        returned = [part.value for part in ast.walk(node) if isinstance(part, (ast.Return, ast.Yield)) and part.value]
        return max(map(self._of, returned), default=Source.ELSEWHERE)

    # Expressions

    def _of(self, node: ast.AST) -> Source:
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._mention(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        parts = [self._of(child) for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr_context)]
        found = max(parts, default=Source.ELSEWHERE)
        if isinstance(node, (ast.NamedExpr, ast.comprehension)):
            self._bind(node.target, found)
        elif isinstance(node, (ast.Yield, ast.YieldFrom)):
            self._found = max(self._found, found)
        return Source.ELSEWHERE if _asks_whether_any(node) else found

    def _mention(self, node: ast.Name | ast.Attribute) -> Source:
        value = self._value(node)
        if value is not UNKNOWN:
            if isinstance(value, property):
                return self._called(function_of(value), self._class_of(node))
            return self._dependence.meaning(value)
        if isinstance(node, ast.Name):
            return self._names.get(node.id, Source.ELSEWHERE)
        return Source.ELSEWHERE if self._is_no_reading(node) else self._of(node.value)

    def _is_no_reading(self, node: ast.Attribute) -> bool:
        return node.attr in _NOT_READ and type(self._value(node.value)) is ContextVar

    def _is_here(self, node: ast.stmt | ast.expr) -> bool:
        return node.lineno <= self.line <= (node.end_lineno or node.lineno)

    def _call(self, node: ast.Call) -> Source:
        if self._is_here(node) and isinstance(node.func, ast.Attribute) and node.func.attr in _STORING:
            values = [*node.args[1:2], *(one.value for one in node.keywords if one.arg in {"value", "default"})]
            makers = [self._called(function_of(self._value(one)), None) for one in values]
            self.kept = max([self.kept, *map(self._of, values), *makers])
        value = self._value(node.func)
        handed = [*node.args, *(keyword.value for keyword in node.keywords)]
        found = max(map(self._of, handed), default=Source.ELSEWHERE)
        if isinstance(node.func, ast.Attribute) and self._is_no_reading(node.func):
            return Source.ELSEWHERE
        function = function_of(value) if value is not UNKNOWN else None
        if function is None:
            return max(found, self._of(node.func))
        return max(found, self._called(function, self._class_of(node.func)))

    def _called(self, function: FunctionType | None, receiver: type | None) -> Source:
        if function is None:
            return Source.ELSEWHERE
        return self._dependence.of(function, receiver, depth=self._depth - 1)

    def _class_of(self, node: ast.expr) -> type | None:
        """The class whose method ``node`` names, where it is the reading's own receiver's."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and self._receiver is not None:
            return self._receiver[1] if node.value.id == self._receiver[0] else None
        return None

    def _value(self, node: ast.expr) -> Any:
        """What a name, or an attribute of a module or class, means; nothing of the application's runs for it."""
        if isinstance(node, ast.Name):
            return self._global(node.id)
        if not isinstance(node, ast.Attribute):
            return UNKNOWN
        owner = self._class_of(node) or self._value(node.value)
        return member(owner, node.attr)

    def _global(self, name: str) -> Any:
        return UNKNOWN if name in self._local else named(self._function, name)
