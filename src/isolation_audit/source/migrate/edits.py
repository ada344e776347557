"""Edits of one kind of place each: a name, a call, an import statement."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from isolation_audit.source.migrate.calls import LEFT_OUT, Unsafe
from isolation_audit.source.migrate.text import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from isolation_audit.source.migrate.calls import Mapping
    from isolation_audit.source.migrate.syntax import Syntax

_COMMENT = re.compile(r"#[^\r\n]*")
_POSTFIX = (ast.Attribute, ast.Subscript, ast.Call)


def call_edits(syntax: Syntax, call: ast.Call, callee: str, mapping: Mapping, *, awaitable: bool) -> list[Edit]:
    """A constructor call becomes a call of ``callee`` with the arguments of its signature.

    Raises:
        Unsafe: an argument can't be mapped, or the call can't be awaited where it stands.
    """
    names = mapping.names(call)
    start, end = syntax.range(call.func)
    awaits = mapping.deprecation.awaited
    if mapping.old is not None and mapping.old.is_async:
        if not awaits:
            raise Unsafe("it is a coroutine, and the replacement is none")
        awaits = False  # one coroutine takes the other's place
    if not awaits:
        return [Edit(start, end, callee), *_argument_edits(syntax, call, names)]
    _check_await(syntax, call, awaitable=awaitable)
    parent = syntax.parents.get(call)
    # What follows would bind tighter than `await`.
    tight = isinstance(parent, _POSTFIX) and call is getattr(parent, "value", getattr(parent, "func", None))
    before, edits = f"{'(' if tight else ''}await ", [*_argument_edits(syntax, call, names)]
    whole = syntax.range(call)[0]
    if whole == start:
        edits.append(Edit(start, end, before + callee))
    else:  # `(Engine)(1)`: what is awaited is the call, not what stands in the brackets
        edits += [Edit(whole, whole + 1, before + syntax.text.text[whole]), Edit(start, end, callee)]
    if tight:
        close = syntax.range(call)[1]
        edits.append(Edit(close, close, ")"))
    return edits


def _check_await(syntax: Syntax, call: ast.Call, *, awaitable: bool) -> None:
    if not awaitable:
        raise Unsafe("the replacement must be awaited, and this is no async function")
    if isinstance(syntax.parents.get(call), ast.Await):
        raise Unsafe("it is awaited already")
    node: ast.AST | None = call
    while node is not None and not isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef)):
        if isinstance(node, ast.GeneratorExp):
            raise Unsafe("an await would make the generator asynchronous")
        node = syntax.parents.get(node)


def _argument_edits(
    syntax: Syntax, call: ast.Call, names: Sequence[tuple[ast.expr | ast.keyword, str | None]]
) -> Iterator[Edit]:
    text = syntax.text.text
    spans = _argument_spans(syntax, call, [argument for argument, _ in names])
    for number, (argument, name) in enumerate(names):
        start, _ = syntax.range(argument)
        place = spans[number][0]
        if name == LEFT_OUT:
            continue
        if isinstance(argument, ast.keyword):
            if name != argument.arg:
                yield Edit(start, start + len(argument.arg or ""), name or "")
        elif name is not None:
            shares_bracket = (
                isinstance(argument, ast.GeneratorExp) and "(" not in text[syntax.range(call.func)[1] : start]
            )
            if shares_bracket or (isinstance(argument, ast.NamedExpr) and place == start):
                raise Unsafe("an argument without brackets of its own can't get a name")
            yield Edit(place, place, f"{name}=")
    left_out = [name == LEFT_OUT for _, name in names]
    for number, gone in enumerate(left_out):
        if gone and not all(left_out[number:]):  # with what separates it from the next
            yield Edit(spans[number][0], spans[number + 1][0], "")
        elif gone and (number == 0 or not left_out[number - 1]):  # all from here on
            end = spans[-1][1] if number else syntax.range(call)[1] - 1
            yield Edit(spans[number - 1][1] if number else spans[0][0], end, "")


def _argument_spans(
    syntax: Syntax, call: ast.Call, arguments: Sequence[ast.expr | ast.keyword]
) -> list[tuple[int, int]]:
    """The characters of each argument, with the brackets around it."""
    text, found = syntax.text.text, list[tuple[int, int]]()
    before = syntax.range(call.func)[1]
    for number, argument in enumerate(arguments):
        start, end = syntax.range(argument)
        place = _outermost_bracket(text, before, start, first=number == 0)
        for _ in range(_without_comments(text[place:start]).count("(")):
            end += _without_comments(text[end:]).index(")") + 1
        found.append((place, end))
        before = end
    return found


def _without_comments(text: str) -> str:
    return _COMMENT.sub(lambda match: " " * len(match[0]), text)


def _outermost_bracket(text: str, before: int, start: int, *, first: bool) -> int:
    """Where an argument begins, with the brackets around it; ``before`` is the end of what precedes it."""
    between = _without_comments(text[before:start])
    separator = between.find("(" if first else ",")
    bracket = between.find("(", separator + 1)
    return start if bracket < 0 else before + bracket


def import_edits(
    syntax: Syntax, statement: ast.Import | ast.ImportFrom, dropped: set[ast.alias], new: Sequence[str]
) -> list[Edit]:
    """``dropped`` leave an import statement, and the statements ``new`` take their place or come after it."""
    start, end = syntax.range(statement)
    text = syntax.text.text
    line_start = syntax.text.line_bounds(statement.lineno)[0]
    line_end = syntax.text.line_bounds(statement.end_lineno or statement.lineno)[1]
    indent = text[line_start:start]
    alone = not indent.strip() and not _COMMENT.sub("", text[end:line_end]).strip(" \t\r\n\\")
    between = syntax.text.newline + indent if alone else "; "
    if len(dropped) == len(statement.names):
        if not new and alone and not syntax.is_alone_in_body(statement):
            return [Edit(line_start, line_end, "")]
        return [Edit(start, end, between.join(new or ["pass"]))]
    after = (
        line_start + len(text[line_start:line_end].rstrip("\r\n"))
        if alone and statement.lineno == statement.end_lineno
        else end
    )
    edits = [Edit(after, after, "".join(between + line for line in new))] if new else []
    return edits + _without(syntax, statement, dropped)


def _without(syntax: Syntax, statement: ast.Import | ast.ImportFrom, dropped: set[ast.alias]) -> list[Edit]:
    """Some names leave an import statement, and at least one stays."""
    edits, names = [], statement.names
    kept = [number for number, alias in enumerate(names) if alias not in dropped]
    for number, alias in enumerate(names):
        if alias in dropped and number < kept[-1]:
            edits.append(Edit(syntax.range(alias)[0], syntax.range(names[number + 1])[0], ""))
    if kept[-1] < len(names) - 1:
        edits.append(Edit(syntax.range(names[kept[-1]])[1], syntax.range(names[-1])[1], ""))
    return edits
