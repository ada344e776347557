"""Pieces of rewritten code. What they call is no name, but a constant that is put into the code when it is loaded."""

from __future__ import annotations

import ast
from typing import Any, Final, TypeVar

from isolation_audit.instrument.rewrite.constants import CALL, FLAG, MARK
from isolation_audit.instrument.rewrite.listener import WRITES
from isolation_audit.instrument.rewrite.names import mangled

_LARGEST: Final = 40
_KEPT: Final = (
    *(ast.Await, ast.Yield, ast.YieldFrom, ast.Lambda, ast.NamedExpr, ast.JoinedStr),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
T = TypeVar("T", bound=ast.AST)


_NO_PLACE: Final = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.comprehension)
_PLACE: Final = ("lineno", "col_offset", "end_lineno", "end_col_offset")


def at(node: T, place: ast.AST) -> T:
    """``node`` and what is new in it, at the place of another node."""
    if isinstance(node, _NO_PLACE) or "lineno" in node.__dict__:
        return node
    for name in _PLACE:
        setattr(node, name, getattr(place, name))
    if isinstance(node, ast.Attribute):
        # The compiler takes the line where an attribute ends: those of ours end where they begin.
        node.end_lineno, node.end_col_offset = node.lineno, node.col_offset
    for child in ast.iter_child_nodes(node):
        at(child, place)
    return node


def clone(node: T) -> T:
    """A copy whose nodes know, as ``_original``, what they are copies of."""
    new = type(node).__new__(type(node))  # not made by its class, which would miss its fields
    for name, value in node.__dict__.items():
        new.__dict__[name] = _cloned(value)
    new.__dict__["_original"] = original(node)
    return new


def _cloned(value: Any) -> Any:
    if isinstance(value, list):
        return [_cloned(one) for one in value]
    return clone(value) if isinstance(value, ast.AST) else value


def original(node: Any) -> Any:
    """What a node is a copy of, if it is one."""
    return node.__dict__.get("_original", node)


def constant(text: str) -> ast.Constant:
    """What is replaced when the code is loaded."""
    return ast.Constant(MARK + text)


def flag(names: set[str]) -> ast.expr:
    """True while one of these names is armed; and while units run, without which nothing is told."""
    active = ast.Attribute(constant("a"), FLAG, ast.Load())
    if WRITES in names:
        return active
    return ast.BoolOp(ast.And(), [ast.Attribute(constant("f" + "\0".join(sorted(names))), FLAG, ast.Load()), active])


def here(names: set[str]) -> ast.expr:
    """False where nothing is told, as no unit of work runs here; for reads, that is only asked once a name is armed."""
    if WRITES in names:
        return ast.BoolOp(ast.And(), [flag({WRITES}), call("within")])
    armed = ast.Attribute(constant("f" + "\0".join(sorted(names))), FLAG, ast.Load())
    within = ast.BoolOp(ast.Or(), [ast.UnaryOp(ast.Not(), armed), call("within")])
    return ast.BoolOp(ast.And(), [flag({WRITES}), within])


def call(name: str, *arguments: ast.expr) -> ast.Call:
    """A call of what :mod:`events` has under a name."""
    return ast.Call(ast.Attribute(constant(f"r{name}"), CALL, ast.Load()), list(arguments), [])


def spread(name: str, prepared: ast.Call) -> ast.Call:
    """A call, from the application's own frame, of a function in C with the arguments that another call gives."""
    return call(name, ast.Starred(prepared, ast.Load()))


def captured(name: ast.Name) -> ast.expr:
    """A function that has a closure's variable, and is never called: it is what holds the variable."""
    nothing = ast.arguments([], [], None, [], [], None, [])
    return ast.Lambda(nothing, name)


def when(test: ast.expr, told: ast.expr, place: ast.AST) -> ast.stmt:
    """A statement that tells of what has just been stored."""
    return at(ast.If(test, [ast.Expr(told)], []), place)


def twice(node: ast.AST) -> bool:
    """True where a piece of code may stand in both branches: it is small, and is not the same only once."""
    return not any(count > _LARGEST or isinstance(child, _KEPT) for count, child in enumerate(ast.walk(node)))


def either(test: ast.expr, told: ast.expr, plain: ast.expr, place: ast.AST) -> ast.expr:
    """``told`` if the test is true, else ``plain``; what is new in it is at ``place``."""
    node = at(ast.IfExp(test, told, plain), place)
    # Python 3.13 says of what is done with an expression, as to iterate it, that it is where the expression stands. But
    # the line on which it begins is that of what is new: tracers are told of it.
    node.end_lineno, node.end_col_offset = plain.end_lineno, plain.end_col_offset
    if node.lineno == plain.lineno:
        node.col_offset = plain.col_offset
    return node


def is_simple(node: ast.expr) -> bool:
    """True for a key that can be evaluated again: constants and plain names."""
    match node:
        case ast.Constant() | ast.Name():
            return True
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            return True
        case ast.Tuple(elts=elements):
            return all(is_simple(one) for one in elements)
    return False


def load(node: ast.expr) -> ast.expr:
    """A copy of what is stored to or read, as something that is read."""
    new = clone(node)
    for child in ast.walk(new):
        if hasattr(child, "ctx"):
            child.ctx = ast.Load()
    return new


def again(node: ast.expr, owner: str | None) -> ast.expr | None:
    """An expression that gives the same object once more, and runs nothing of the application for it.

    ``owner`` is the class whose private names stand there.
    """
    match node:
        case ast.Name():
            return load(node)
        case ast.Attribute(value=value, attr=name) if (path := again(value, owner)) is not None:
            return call("look", path, ast.Constant(mangled(name, owner)))
        case ast.Subscript(value=value, slice=key) if is_simple(key) and (path := again(value, owner)) is not None:
            return call("look_in", path, load(key))
    return None


def fields_of(node: ast.expr) -> tuple[Any, str] | None:
    """The piece of ``x.__dict__`` or ``vars(x)`` that has ``x``, and the name under which it is there."""
    match node:
        case ast.Attribute(attr="__dict__"):
            return node, "value"
        case ast.Call(func=ast.Name(id="vars"), args=[argument], keywords=[]) if not isinstance(argument, ast.Starred):
            return node, "args"
    return None


def first_leaf(node: ast.AST) -> ast.AST:
    """What of an expression is evaluated first."""
    match node:
        case ast.Attribute(value=value) | ast.Subscript(value=value):
            return first_leaf(value)
        case ast.Call(func=function):
            return first_leaf(function)
    return node


def first_loaded(node: ast.AST) -> ast.AST:
    """The same, down to the first name or constant, whatever the expression is."""
    match node:
        case ast.Attribute(value=one) | ast.Subscript(value=one) | ast.Call(func=one) | ast.Starred(value=one):
            return first_loaded(one)
        case ast.BinOp(left=one) | ast.Compare(left=one) | ast.UnaryOp(operand=one) | ast.IfExp(test=one):
            return first_loaded(one)
        case ast.BoolOp(values=[one, *_]) | ast.Tuple(elts=[one, *_]) | ast.List(elts=[one, *_]):
            return first_loaded(one)
        case ast.Set(elts=[one, *_]) | ast.Dict(keys=[ast.expr() as one, *_]):
            return first_loaded(one)
    return node


def written(node: ast.expr) -> str:
    """The expression as the source has it, cut where it is long."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{written(value)}.{name}"
        case ast.Subscript(value=value, slice=ast.Constant(value=key)):
            return f"{written(value)}[{key!r}]"
    text = ast.unparse(node)
    return text if len(text) <= 120 else text[:119] + "…"
