"""Parses one file and gathers what in it may refer to the words: imports, uses with their form, strings, exports."""

from __future__ import annotations

import ast
import re
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from isolation_audit.source.scan.callees import argument, arguments_of, called
from isolation_audit.source.scan.exports import Exports, pair_of
from isolation_audit.source.scan.factories import Returned
from isolation_audit.source.scan.facts import Arguments, Factory, Facts, Span, Use
from isolation_audit.source.scan.meaning import Meanings, within
from isolation_audit.source.scan.parsing import Unparsable, decoded, parse
from isolation_audit.source.scan.scopes import Binder
from isolation_audit.source.scan.texts import dotted_in, text_of
from isolation_audit.source.scan.uses import Uses
from isolation_audit.source.scan.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from isolation_audit.source.scan.lexical import Words

_TYPING = ("typing:", "typing_extensions:", "collections.abc:")
_NAMED = "it is named by a text beside its module"


def read_facts(data: bytes, words: Words) -> Facts:
    """Parse a file and gather what concerns the words.

    Raises:
        Unparsable: it does not parse, or is nested too deeply to be read.
    """
    tree = parse(data)
    try:
        return _Reader(tree, data, words).facts()
    except RecursionError:
        raise Unparsable(0, "too deeply nested to be read") from None


class _Reader(Uses, Visitor, ast.NodeVisitor):
    def __init__(self, tree: ast.Module, data: bytes, words: Words) -> None:
        binder = Binder(data, words.all)
        binder.read(tree)
        super().__init__(binder, words.all, None if data.isascii() else decoded(data).lstrip("\ufeff"))
        self._tree = tree
        self._meanings = Meanings(binder)
        self._returned = Returned(self._meanings, binder.scopes)
        self._factories: list[Factory] = []
        self._form = "value"

    def facts(self) -> Facts:
        self.visit(self._tree)
        exports = Exports(self._tree, self._binder, self._meanings)
        for node, meanings in exports.listed():
            self._emit(node, meanings, "__all__")
        used = {number for use in self._uses for number in use.through}
        imports, defined = [], []
        for number, imported in enumerate(self._binder.imports):
            # All keep their number; those that can't matter are left empty.
            matters = number in used or self._concerns(imported.path) or imported.path.endswith(":*")
            span = self._span(imported.node) if matters else Span(0, 0, 0, 0)
            path = imported.path if matters else ""
            imports.append(Use(path, imported.form, span, imported.scope.qualname, (), imported.guard))
        for body, scope in self._binder.scopes.items():
            if isinstance(body, ast.ClassDef) and body.name in self._words:
                defined.append((scope.qualname, self._span(body)))
        exported = self._binder.exported
        return Facts(
            tuple(imports),
            tuple(self._uses),
            tuple([(name, paths) for name, paths in exports.given() if self._is_telling(name, paths)]),
            tuple(self._binder.stars),
            None if exported is None else tuple(exported),
            tuple(defined),
            tuple(self._factories),
        )

    def _is_telling(self, name: str, paths: tuple[str, ...]) -> bool:
        """Whether what others get by this name may matter: by the name itself, or by where it comes from."""
        return name.rpartition(".")[2] in self._words or any(
            self._concerns(path) for path in paths if path != f":{name}"
        )

    # Where a use stands

    @contextmanager
    def _as(self, form: str) -> Iterator[None]:
        before, self._form = self._form, form
        yield
        self._form = before

    def _inside(self, node: ast.AST) -> None:
        outer, self._scope = self._scope, self._binder.scopes.get(node, self._scope)
        with self._as("value"):
            for child in ast.iter_child_nodes(node):
                if not isinstance(child, (ast.arguments, ast.expr_context)):
                    self.visit(child)
        self._scope = outer

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if node not in self._binder.scopes:  # nothing of interest is in it
            return
        self._decorators(node.decorator_list)
        with self._type_parameters(node):
            self._parameters(node.args)
            self._annotation(node.returns, "return annotation")
        self._factory(node, node.name)
        self._body(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def _factory(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, shown: str) -> None:
        scope = self._binder.scopes[node]
        paths = self._returned.paths(node, scope)
        if len(paths) > 1 and any(self._concerns(path) for path in paths):
            column = self._characters(node.lineno, node.col_offset)
            span = Span(node.lineno, column, node.lineno, column + len(shown))
            self._factories.append(Factory(scope.qualname, span, tuple(paths)))

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._parameters(node.args)
        self._factory(node, "lambda")
        outer, self._scope = self._scope, self._binder.scopes[node]
        with self._as("value"):
            self.visit(node.body)
        self._scope = outer

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _inside  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._decorators(node.decorator_list)
        with self._type_parameters(node):
            with self._as("subclass"):
                for base in node.bases:
                    self.visit(base)
            for keyword in node.keywords:
                self.visit(keyword.value)
        self._body(node)

    def _body(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        outer, self._scope = self._scope, self._binder.scopes[node]
        for statement in node.body:
            self.visit(statement)
        self._scope = outer

    @contextmanager
    def _type_parameters(self, node: ast.AST) -> Iterator[None]:
        """``def f[T: C]()``, ``class A[T]``, ``type A[T] = C``: within, their names are known, and hide others."""
        outer, self._scope = self._scope, self._binder.generics.get(node, self._scope)
        for parameter in getattr(node, "type_params", ()):
            self._annotation(getattr(parameter, "bound", None))
            self._annotation(getattr(parameter, "default_value", None))
        yield
        self._scope = outer

    def visit_TypeAlias(self, node: Any) -> None:
        with self._type_parameters(node):
            self._annotation(node.value)

    def _decorators(self, decorators: list[ast.expr]) -> None:
        with self._as("decorator"):
            for decorator in decorators:
                self.visit(decorator)

    def _parameters(self, arguments: ast.arguments) -> None:
        rest = [one for one in (arguments.vararg, arguments.kwarg) if one]
        for one in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest]:
            self._annotation(one.annotation)
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            if default is not None:
                with self._as("default"):
                    self.visit(default)

    def _annotation(self, node: ast.expr | None, form: str = "annotation") -> None:
        if node is not None:
            with self._as(form):
                self.visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._annotation(node.annotation)
        self.visit(node.target)
        if node.value is None:
            return
        if called(node.annotation) == "TypeAlias" and not isinstance(node.value, (ast.Name, ast.Attribute)):
            self._annotation(node.value)
        else:
            self._value(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self.visit(target)
        self._value(node.value)

    def _value(self, value: ast.expr) -> None:
        with self._as("alias" if isinstance(value, (ast.Name, ast.Attribute)) else "value"):
            self.visit(value)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            with self._as("except"):
                self.visit(node.type)
        for statement in node.body:
            self.visit(statement)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring refers to nothing
            self.visit(node.value)

    # What refers

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._refer(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not self._refer(node):
            with self._as("value"):
                self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        shape = Arguments(
            sum(not isinstance(argument, ast.Starred) for argument in node.args),
            tuple([keyword.arg for keyword in node.keywords if keyword.arg]),
            any(isinstance(argument, ast.Starred) for argument in node.args)
            or any(not word.arg for word in node.keywords),
        )
        with self._as("call"):
            if not self._refer(node.func, shape) and not isinstance(node.func, ast.Name):
                self.visit(node.func)
        imports = self._imports(node)
        if not imports and called(node.func) == "getattr" and len(node.args) > 1 and self._refer(node, form="getattr"):
            return
        if not node.args and not node.keywords:
            return
        taking = arguments_of(node, {path for path, _ in self._meanings.of(node.func, self._scope)})
        if taking.named:
            self._named_by_text(node, taking.named)
        self._pairs(node.args)
        for place, value in enumerate(node.args):
            if value is not imports:
                with self._as(taking.form(place)):
                    self.visit(value)
        for keyword in node.keywords:
            if keyword.value is not imports:
                with self._as(taking.form(keyword.arg or "")):
                    self.visit(keyword.value)

    def _imports(self, node: ast.Call) -> ast.expr | None:
        """The argument that names what a call imports, written down; None where it imports nothing."""
        module = self._meanings.imported_by(node, self._scope)
        name = argument(node, 0, "name")
        if module is None or name is None:
            return None
        self._emit(name, [(module + ":", ())], "__import__" if called(node.func) == "__import__" else "import_module")
        return name

    def _named_by_text(self, node: ast.Call, form: str) -> None:
        """``patch.object(module, "X")``, ``patch.multiple("module", X=...)``: attributes named beside what has them."""
        for keyword in node.keywords if called(node.func) == "multiple" and node.args else ():
            if path := pair_of(node.args[0], ast.Constant(keyword.arg)):
                self._emit(node.args[0], [(path, ())], form, trouble=_NAMED)
        name = text_of(node.args[1], self._scope) if len(node.args) > 1 else None
        if name is not None and name in self._words:
            meant = self._meanings.of(node.args[0], self._scope)
            self._emit(node.args[1], [(within(path, name), via) for path, via in meant], form, trouble=_NAMED)

    def _pairs(self, nodes: Sequence[ast.expr | None]) -> None:
        """A module and a name of it side by side, as in tables of what is imported late: ``("a.b", "C")``."""
        for first, second in pairwise(nodes):
            self._pair(first, second)

    def _pair(self, one: ast.expr | None, other: ast.expr | None) -> None:
        for module, names in ((one, other), (other, one)):
            for name in names.elts if isinstance(names, (ast.List, ast.Tuple)) else [names]:
                path = pair_of(module, name) if module is not None else None
                # One word is rarely meant as a module: labels and messages come in pairs, too.
                if module is not None and path and "." in path and self._concerns(path):
                    self._emit(module, [(path, ())], "string")

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            self._pair(key, value)
        self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        self._pairs(node.elts)
        self.generic_visit(node)

    def visit_List(self, node: ast.List) -> None:
        self._pairs(node.elts)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        is_annotation = self._form.endswith("annotation")
        form = self._form if is_annotation else "value"
        if is_annotation or not self._refer(node, form=self._form):
            with self._as(form):
                self.visit(node.value)
        elif dotted_in(text_of(node.slice, self._scope)):  # it is told as a part of the chain
            return
        of_typing = [path for path, _ in self._meanings.of(node.value, self._scope) if path.startswith(_TYPING)]
        names = {path.rpartition(":")[2] for path in of_typing}
        if "Literal" in names:  # its texts are values
            return
        inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for place, part in enumerate(inside):
            is_type = (is_annotation or bool(names)) and not (place and "Annotated" in names)
            with self._as((form if is_annotation else "annotation") if is_type else "value"):
                self.visit(part)

    def visit_Constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, str):
            return
        if self._form.endswith("annotation"):
            self._written_annotation(node, node.value)
        else:
            self._text(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not self._text(node):
            self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        if self._text(node):
            return
        outer, self._trouble = self._trouble, "it stands in an f-string"
        with self._as("value"):
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    self.visit(part)
        self._trouble = outer

    def _text(self, node: ast.expr) -> bool:
        """A text that is a dotted name; whether it is one."""
        dotted = dotted_in(text_of(node, self._scope))
        if dotted is not None:
            self._emit(node, [('"' + dotted, ())], self._form if self._form == "patch" else "string")
        return dotted is not None

    def visit_Starred(self, node: ast.Starred) -> None:
        self.visit(node.value)

    def _written_annotation(self, node: ast.Constant, text: str) -> None:
        if self._words.isdisjoint(re.split(r"\W+", text)):
            return
        try:
            inner = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            return
        exact = (
            node.lineno == node.end_lineno and (node.end_col_offset or 0) - node.col_offset == len(text.encode()) + 2
        )
        shift = node.col_offset + 1 + len(text) - len(text.lstrip()) if exact else node.col_offset
        for part in ast.walk(inner):  # so that lookups and places are as of here
            if isinstance(part, ast.expr):
                part.lineno = part.end_lineno = node.lineno
                part.col_offset = shift + (part.col_offset if exact else 0)
                part.end_col_offset = shift + ((part.end_col_offset or 0) if exact else 0)
        outer, trouble = self._offset, self._trouble
        if not exact:
            self._offset, self._trouble = self._span(node), "it stands in a string of several parts"
        with self._as("string annotation"):
            self.visit(inner)
        self._offset, self._trouble = outer, trouble

    # Writing it down

    def _refer(self, node: ast.expr, shape: Arguments | None = None, form: str = "") -> bool:
        meanings = [meaning for meaning in self._meanings.of(node, self._scope) if self._concerns(meaning[0])]
        if meanings:
            self._emit(node, meanings, form or self._form, shape)
            self._emit_texts(node)
        return bool(meanings)

    def _emit_texts(self, node: ast.expr) -> None:
        """The modules that a chain names by text: ``import_module("a.b").C``, ``sys.modules["a.b"].C``."""
        for part in ast.walk(node):
            if isinstance(part, ast.Call):
                self._imports(part)
            elif isinstance(part, ast.Subscript) and (text := dotted_in(text_of(part.slice, self._scope))):
                self._emit(part.slice, [('"' + text, ())], "string")
