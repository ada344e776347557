"""What a function does to keep its own state in order, which brings nothing of it to whoever asks.

It stores back what it has read there (``self.lines = self.lines[-100:]``), takes all out and hands it on
(``batch, self.waiting = self.waiting, []``), saves all of it, or puts a node into a chain of nodes.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAVING: Final = frozenset(
    {
        *("bulk_create", "bulk_insert_mappings", "bulk_save_objects", "dump", "executemany", "insert_many"),
        *("write_bytes", "write_text", "writerows"),
    }
)
"""Methods and functions that save many things at once; nothing comes back..."""
_SAVING_TEXTS: Final = frozenset({"write_bytes", "write_text"})
"""...and those that may save one text: all that is kept has been put into one before."""

_ORDERING: Final = frozenset(
    {
        *("heapify", "heappush", "heappushpop", "heapreplace"),
        *("insort", "insort_left", "insort_right", "shuffle"),
    }
)
"""Functions of the standard library that put the list that they are given first in order, or something into it."""

SAME: Final = frozenset({"copy", "deepcopy", "dumps", "fsencode", "loads"})
"""Methods and functions whose result has in it what they are given..."""
SAME_BUILTINS: Final = frozenset(
    {"bytes", "dict", "frozenset", "list", "repr", "reversed", "set", "sorted", "str", "tuple"}
)
"""...and builtins."""

LINKS: Final = frozenset(
    f"{before}{name}{after}"
    for name in ("head", "left", "next", "parent", "prev", "previous", "right", "tail")
    for before, after in (("", ""), ("_", ""), ("", "_"))
)
"""Attributes by which nodes of one structure lead to each other."""

_ALWAYS: Final = 10**9
"""A line after all others."""

_EMPTY: Final = frozenset({"Counter", "OrderedDict", "defaultdict", "deque", "dict", "list", "set"})


def path(node: ast.AST) -> str:
    """A variable, or what is reached from one by attributes and plain keys, in one text; empty for all else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            inner = path(value)
            return inner and f"{inner}.{name}"
        case ast.Subscript(value=value, slice=ast.Constant(value=key)):
            inner = path(value)
            return inner and f"{inner}[{key!r}]"
    return ""


def is_link(target: ast.expr) -> bool:
    """True for an attribute by which a node leads to another one."""
    return isinstance(target, ast.Attribute) and target.attr in LINKS


def is_saved(name: str, argument: ast.expr) -> bool:
    """True for what is saved as it is kept, and is no part of something new: ``json.dump(self.kept, file)``."""
    if name not in _SAVING:
        return False
    match argument:
        case ast.Call(func=ast.Name(id=way) | ast.Attribute(attr=way), args=[inner, *_]) if way in SAME:
            return bool(path(inner))
    return name not in _SAVING_TEXTS and bool(path(argument))


def is_put_in_order(name: str, call: ast.Call, argument: ast.expr) -> bool:
    """True for a list that is kept, and stays where it is: ``heapq.heappush(self.jobs, job)``."""
    return name in _ORDERING and call.args[:1] == [argument] and bool(path(argument))


def is_any(node: ast.Compare) -> bool:
    """True where it is only asked whether there is something: ``self.waiting is None``."""
    match node:
        case ast.Compare(ops=[ast.Is() | ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return True
    return False


def is_taken_apart(node: ast.expr) -> bool:
    """True for a call that gives a key and its value, of which one is taken: ``kept.popitem()[1]``."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "popitem"


def paired(targets: list[ast.expr], value: ast.expr | None) -> Iterator[tuple[list[ast.expr], ast.expr | None]]:
    """The parts of an assignment: ``batch, self.waiting = self.waiting, []`` are two."""
    if len(targets) == 1 and isinstance(targets[0], ast.Tuple) and isinstance(value, ast.Tuple):
        left, right = targets[0].elts, value.elts
        if len(left) == len(right) and not any(isinstance(one, ast.Starred) for one in (*left, *right)):
            for target, part in zip(left, right, strict=True):
                yield [target], part
            return
    yield targets, value


def stored_back(left: list[ast.expr], value: ast.expr, targets: list[ast.expr], outer: set[str]) -> Iterator[ast.expr]:
    """What an assignment reads of the very places that it stores to, or moves under its key to another mapping.

    ``left`` are those of the ``targets`` that are given this value; ``outer`` are variables of others' functions.
    """
    if isinstance(value, ast.BoolOp | ast.IfExp) or not any(_place(one, outer) for one in left):
        return  # of `KEPT = KEPT or made()`, whoever comes first makes it: the others use it as it is
    places = {_place(one, outer) for one in targets} - {""}
    keys = {
        ast.dump(one.slice)
        for one in left
        if isinstance(one, ast.Subscript) and not isinstance(one.slice, ast.Constant)
    }
    if keys and _key(value) in keys:
        yield value
    for child in ast.walk(value):
        if isinstance(child, ast.expr) and any(path(one) in places for one in _way(child)):
            yield child


def under_their_keys(function: ast.AST) -> Iterator[ast.expr]:
    """What a loop stores under a key that stands beside it: ``for number, text in batch: self.done[number] = text``."""
    for loop in ast.walk(function):
        if not isinstance(loop, ast.For | ast.AsyncFor):
            continue
        gone_through = _variables(loop.target)
        for node in ast.walk(loop):
            match node:
                case ast.Assign(targets=[ast.Subscript(slice=key)], value=value) if _variables(key) & gone_through:
                    yield from (one for one in ast.walk(value) if isinstance(one, ast.Name) and one.id in gone_through)


def _variables(node: ast.expr) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _place(target: ast.expr, outer: set[str]) -> str:
    """What outlives the call, as a path; a subscript with any key is one."""
    if isinstance(target, ast.Name):
        return target.id if target.id in outer else ""
    return path(target) or ("[]" if isinstance(target, ast.Subscript) else "")


def _key(value: ast.expr) -> str | None:
    """The key under which a mapping is asked: ``self.pages[user]``, ``waiting.pop(number)``."""
    match value:
        case ast.Subscript(slice=key):
            return ast.dump(key)
        case ast.Call(func=ast.Attribute(attr="get" | "pop"), args=[key, *_]):
            return ast.dump(key)
    return None


def _way(node: ast.expr) -> Iterator[ast.expr]:
    """An expression and what it is reached from: ``self.lines[-2:]``, ``self.lines``, ``self``."""
    found: ast.expr | None = node
    while found is not None:
        yield found
        match found:
            case ast.Attribute(value=value) | ast.Subscript(value=value) | ast.Starred(value=value):
                found = value
            case ast.Call(func=ast.Attribute(value=value)):
                found = value
            case _:
                found = None


def emptied(function: ast.AST) -> dict[str, int]:
    """The places that a function empties, each with the last line where it does."""
    found: dict[str, int] = {}
    for node in ast.walk(function):
        for place in _emptied_by(node):
            found[place] = max(found.get(place, 0), node.lineno)  # type: ignore[attr-defined]
    found.pop("", None)
    for node in [one for one in ast.walk(function) if isinstance(one, ast.Assign)]:
        # What was taken out under a name of its own is nowhere else any more: `batch, self.items = self.items, []`.
        for left, right in paired(node.targets, node.value):
            if right is not None and found.get(path(right), 0) >= node.lineno:
                found.update({one.id: _ALWAYS for one in left if isinstance(one, ast.Name)})
    return found


def _emptied_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for left, right in paired(targets, value):
                if _is_empty(right):
                    yield from map(path, left)
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=place, attr="clear"), args=[])):
            yield path(place)
        case ast.Delete(targets=targets):
            for one in targets:
                if isinstance(one, ast.Subscript) and isinstance(one.slice, ast.Slice):
                    yield path(one.value)


def _is_empty(node: ast.expr | None) -> bool:
    match node:
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]):
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=given, keywords=named):
            return (
                name in _EMPTY
                and all(isinstance(one, ast.Name) for one in given)
                and all(one.arg == "maxlen" for one in named)
            )
    return False
