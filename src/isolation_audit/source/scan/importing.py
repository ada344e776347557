"""What one file imports and defines of some names: read off its bytes; a file that defines one of them is parsed."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from isolation_audit.analysis.fallbacks import is_of_module
from isolation_audit.source.scan.facts import Span
from isolation_audit.source.scan.parsing import Unparsable, parse
from isolation_audit.source.scan.reading import contents

if TYPE_CHECKING:
    from collections.abc import Iterator

# A pattern that begins with plain letters is found many times faster than one that begins with a line.
_IMPORT: Final = re.compile(rb"from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n\\#]*(?:\\\r?\n[^\n\\#]*)*)")
_NAMED: Final = re.compile(rb"(\w+)(?:\s+as\s+(\w+))?")
_DEFINES: Final = (re.compile(r"class[ \t]+(\w+)"), re.compile(r"def[ \t]+(\w+)"))
_KEYWORDS: Final = {ast.ClassDef: "class ", ast.FunctionDef: "def ", ast.AsyncFunctionDef: "async def "}

_Node = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Import(NamedTuple):
    """``from module import name as given``, as it is written; the ``line`` of one that gives another name, else 0."""

    module: str
    name: str
    given: str
    line: int


class Defined(NamedTuple):
    """A class or a function of a module; ``fallback`` where it is there because an import has failed."""

    name: str
    is_class: bool
    span: Span
    told: frozenset[str]
    """Public methods, and parameters of the constructor with a ``=`` behind them."""
    fallback: bool


@dataclass(frozen=True, slots=True)
class Imports:
    """What one file imports and defines of some names."""

    imports: tuple[Import, ...] = ()
    defined: tuple[Defined, ...] = ()

    def as_json(self) -> list[Any]:
        """For the cache."""
        return [
            self.imports,
            [
                [one.name, one.is_class, [one.span.line, one.span.column, one.span.end_line, one.span.end_column],
                 sorted(one.told), one.fallback]
                for one in self.defined
            ],
        ]  # fmt: skip

    @classmethod
    def from_json(cls, value: list[Any]) -> Imports:
        """The reverse of :meth:`as_json`.

        Raises:
            TypeError, ValueError: ``value`` is something else.
        """
        imports, defined = value
        return cls(
            tuple([Import(*one) for one in imports]),
            tuple(
                [Defined(name, kind, Span(*span), frozenset(told), back) for name, kind, span, told, back in defined]
            ),
        )


@dataclass(frozen=True, slots=True)
class Importing:
    """The job of reading what one file imports and defines of some names."""

    names: frozenset[str]

    def __call__(self, path: str) -> Imports | None:
        """Read one file."""
        try:
            data = contents(path)
        except OSError:
            return None  # the scan has told of it
        imports = [*_imports(data, self.names)]
        defined = [*_defined(data, self.names)] if _defines(data, self.names) else []
        return Imports(tuple(imports), tuple(defined)) if imports or defined else None


def _imports(data: bytes, names: frozenset[str]) -> Iterator[Import]:
    for indent, found in _statements(data):
        for one in _NAMED.finditer(re.sub(rb"#[^\n]*", b"", found[2]) if b"#" in found[2] else found[2]):
            name, given = one[1].decode("utf-8", "replace"), (one[2] or one[1]).decode("utf-8", "replace")
            if name in names or given in names:
                told = given in names and name != given and not indent
                line = data.count(b"\n", 0, found.start()) + 1 if told else 0
                yield Import(found[1].decode("utf-8", "replace"), name, given, line)


def _statements(data: bytes) -> Iterator[tuple[bytes, re.Match[bytes]]]:
    """``from`` statements, with the blanks before them."""
    place = 0
    while (found := _IMPORT.search(data, place)) is not None:
        indent = data[data.rfind(b"\n", 0, found.start()) + 1 : found.start()]
        if indent.strip(b" \t"):
            place = found.start() + 1
        else:
            yield indent, found
            place = found.end()


def _defines(data: bytes, names: frozenset[str]) -> bool:
    """True where it may define one of them; most of what is called so are methods."""
    text = data.decode("utf-8", "replace")
    for pattern in _DEFINES:
        for found in pattern.finditer(text):
            if found[1] in names:
                before = text[text.rfind("\n", 0, found.start()) + 1 : found.start()].removesuffix("async ")
                if not before or (not before.strip(" \t") and is_of_module(text, found.start() - len(before), before)):
                    return True
    return False


def _defined(data: bytes, names: frozenset[str]) -> Iterator[Defined]:
    try:
        tree = parse(data)
    except Unparsable:
        return  # the scan has told of it
    for node, fallback in _top(tree.body, fallback=False):
        if node.name in names:
            yield Defined(node.name, isinstance(node, ast.ClassDef), _span(node), frozenset(_told(node)), fallback)


def _top(body: list[ast.stmt], *, fallback: bool) -> Iterator[tuple[_Node, bool]]:
    """What a module itself defines, also under conditions; whether each is there where an import has failed."""
    for node in body:
        if isinstance(node, _Node):
            yield node, fallback
        elif isinstance(node, (ast.If, ast.With)):
            yield from _top([*node.body, *getattr(node, "orelse", [])], fallback=fallback)
        elif isinstance(node, ast.Try):
            yield from _top([*node.body, *node.orelse, *node.finalbody], fallback=fallback)
            for handler in node.handlers:
                yield from _top(handler.body, fallback=True)


def _told(node: _Node) -> Iterator[str]:
    for item in node.body:
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if item.name == "__init__":
                yield from (f"{one.arg}=" for one in [*item.args.args[1:], *item.args.kwonlyargs])
            elif not item.name.startswith("_"):
                yield item.name


def _span(node: _Node) -> Span:
    return Span(
        node.lineno, node.col_offset, node.lineno, node.col_offset + len(_KEYWORDS[type(node)]) + len(node.name)
    )
