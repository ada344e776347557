"""Parses one file and gathers what in it may refer to the words: imports, uses with their form, strings, exports."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from isolation_audit.scan.factories import Returned
from isolation_audit.scan.facts import Arguments, Factory, Facts, Span, Use
from isolation_audit.scan.meaning import Meanings
from isolation_audit.scan.scopes import Binder, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.scan.lexical import Words

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)+")
_LINES = re.compile(r"\r\n|\r|\n")
_CHECKS = {"isinstance", "issubclass"}


class Unparsable(ValueError):  # noqa: N818 - a fact about a file, not an error of ours
    """A file that is not Python to this interpreter: the line (0 where unknown) and the reason."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line = line
        self.reason = reason


def parse(data: bytes) -> ast.Module:
    """The syntax tree of a file's bytes, in whatever encoding it declares.

    Raises:
        Unparsable: it does not parse.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data)
    except SyntaxError as error:
        raise Unparsable(error.lineno or 0, error.msg) from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise Unparsable(0, str(error) or type(error).__name__) from None


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


def decoded(data: bytes) -> str:
    """A file's text as Python's tokenizer would read it; undecodable bytes are replaced."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        encoding = "utf-8"
    return data.decode(encoding, "replace")


class _Reader(ast.NodeVisitor):
    def __init__(self, tree: ast.Module, data: bytes, words: Words) -> None:
        self._tree = tree
        self._words = words.all
        self._binder = Binder(data, words.all)
        self._binder.read(tree)
        self._meanings = Meanings(self._binder)
        self._scope = self._binder.module
        # The parser counts columns in bytes of UTF-8; readers and editors count characters.
        self._lines = (
            None if data.isascii() else [line.encode() for line in _LINES.split(decoded(data).lstrip("\ufeff"))]
        )
        self._returned = Returned(self._meanings)
        self._uses: list[Use] = []
        self._factories: list[Factory] = []
        self._form = "value"
        self._offset: Span | None = None
        self._trouble = ""

    def facts(self) -> Facts:
        self.visit(self._tree)
        self._add_exports_of_all()
        module = self._binder.module
        exports, defined = [], []
        for name, scope, binding_name in self._exported_names(module):
            paths = [path for path, _ in self._paths_of(scope, binding_name)]
            own = [path for path in paths if path == f":{name}"]
            if name.rpartition(".")[2] in self._words or any(self._concerns(path) for path in paths if path not in own):
                exports.append((name, tuple(dict.fromkeys(paths))))
        used = {number for use in self._uses for number in use.through}
        imports = []
        for number, imported in enumerate(self._binder.imports):
            # All keep their number; those that can't matter are left empty.
            matters = number in used or self._concerns(imported.path) or imported.path.endswith(":*")
            span = self._span(imported.node) if matters else Span(0, 0, 0, 0)
            path = imported.path if matters else ""
            imports.append(Use(path, imported.form, span, imported.scope.qualname, (), imported.guard))
        for node, scope in self._binder.scopes.items():
            if isinstance(node, ast.ClassDef) and node.name in self._words:
                defined.append((scope.qualname, self._span(node)))
        exported = self._binder.exported
        return Facts(
            tuple(imports),
            tuple(self._uses),
            tuple(exports),
            tuple(self._binder.stars),
            None if exported is None else tuple(exported),
            tuple(defined),
            tuple(self._factories),
        )

    def _exported_names(self, module: Scope) -> Iterator[tuple[str, Scope, str]]:
        for name in module.names:
            yield name, module, name
        for scope in self._binder.scopes.values():
            if scope.kind == "class" and scope.parent is not None and "<locals>" not in scope.qualname:
                for name in scope.names:
                    yield f"{scope.qualname}.{name}", scope, name

    def _paths_of(self, scope: Scope, name: str) -> list[tuple[str, tuple[int, ...]]]:
        found = scope.lookup(name, (1 << 30, 0)) or []
        return [meaning for binding in found for meaning in self._meanings.bound(binding)]

    def _concerns(self, path: str) -> bool:
        return not self._words.isdisjoint(re.split(r"[.:\"]", path))

    def _add_exports_of_all(self) -> None:
        for node in self._tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if not any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
                continue
            for part in ast.walk(node):
                if (
                    isinstance(part, ast.Constant)
                    and isinstance(part.value, str)
                    and part.value in self._binder.module.names
                ):
                    meanings = self._paths_of(self._binder.module, part.value)
                    self._emit(part, meanings, "__all__")

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
        self._parameters(node.args)
        self._annotation(node.returns, "return annotation")
        self._factory(node, node.name)
        outer, self._scope = self._scope, self._binder.scopes[node]
        for statement in node.body:
            self.visit(statement)
        self._scope = outer

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
        with self._as("subclass"):
            for base in node.bases:
                self.visit(base)
        for keyword in node.keywords:
            self.visit(keyword.value)
        outer, self._scope = self._scope, self._binder.scopes[node]
        for statement in node.body:
            self.visit(statement)
        self._scope = outer

    def _decorators(self, decorators: list[ast.expr]) -> None:
        with self._as("decorator"):
            for decorator in decorators:
                self.visit(decorator)

    def _parameters(self, arguments: ast.arguments) -> None:
        rest = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest]:
            self._annotation(argument.annotation)
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
        if node.value is not None:
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
            tuple(keyword.arg for keyword in node.keywords if keyword.arg),
            any(isinstance(argument, ast.Starred) for argument in node.args)
            or any(not word.arg for word in node.keywords),
        )
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        with self._as("call"):
            if not self._refer(node.func, shape) and not isinstance(node.func, ast.Name):
                self.visit(node.func)
        module = self._meanings.imported_by(node, self._scope)
        rest: list[ast.expr] = [*node.args, *(keyword.value for keyword in node.keywords)]
        if module is not None:
            form = "__import__" if name == "__import__" else "import_module"
            self._emit(node.args[0], [(module + ":", ())], form)
            rest = rest[1:]
        elif name == "getattr" and len(node.args) > 1 and self._refer(node, form="getattr"):
            return
        forms = _argument_forms(name, node)
        for number, argument in enumerate(rest):
            with self._as(forms.get(number, "value")):
                self.visit(argument)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if self._form.endswith("annotation") or not self._refer(node, form=self._form):
            with self._as(self._form if self._form.endswith("annotation") else "value"):
                self.visit(node.value)
                self.visit(node.slice)

    def visit_Constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, str):
            return
        if self._form.endswith("annotation") or self._form == "cast":
            self._written_annotation(node, node.value)
        elif _DOTTED.fullmatch(node.value):
            form = self._form if self._form == "patch" else "string"
            self._emit(node, [('"' + node.value, ())], form)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        joined = Meanings.text(node)
        if joined is not None and _DOTTED.fullmatch(joined):
            self._emit(node, [('"' + joined, ())], self._form if self._form == "patch" else "string")
        else:
            self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        outer, self._trouble = self._trouble, "it stands in an f-string"
        with self._as("value"):
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    self.visit(part)
        self._trouble = outer

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
            if isinstance(part, ast.Call) and (module := self._meanings.imported_by(part, self._scope)):
                name = part.func.id if isinstance(part.func, ast.Name) else ""
                self._emit(
                    part.args[0], [(module + ":", ())], "__import__" if name == "__import__" else "import_module"
                )
            elif isinstance(part, ast.Subscript) and (text := Meanings.text(part.slice)) and _DOTTED.fullmatch(text):
                self._emit(part.slice, [('"' + text, ())], "string")

    def _emit(
        self, node: ast.expr, meanings: list[tuple[str, tuple[int, ...]]], form: str, shape: Arguments | None = None
    ) -> None:
        span = self._offset or self._span(node)
        trouble = self._trouble or ("its name is bound in several ways" if self._is_ambiguous(node) else "")
        for path, through in meanings:
            via = self._statements(path, through)
            if self._concerns(path):
                self._uses.append(
                    Use(path, form, span, self._scope.qualname, via, "", shape, self._scope.is_async, trouble)
                )

    def _is_ambiguous(self, node: ast.expr) -> bool:
        root = node
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            root = root.value
        if not isinstance(root, ast.Name):
            return False
        found = self._scope.lookup(root.id, (root.lineno, root.col_offset)) or []
        return len({binding.value if isinstance(binding.value, str) else id(binding) for binding in found}) > 1

    def _statements(self, path: str, through: tuple[int, ...]) -> tuple[int, ...]:
        """The imports on the way: ``import a.b`` and ``import a.c`` both give a value to ``a``, and each is needed."""
        imports = self._binder.imports
        if not any(imports[number].form == "import" for number in through):
            return through
        dotted = path.replace(":", ".")
        loading = (
            number
            for number, imported in enumerate(imports)
            if imported.form == "import" and dotted.startswith(imported.path.replace(":", "."))
        )
        return tuple(dict.fromkeys([*(number for number in through if imports[number].form != "import"), *loading]))

    def _span(self, node: ast.AST) -> Span:
        line, column, end_line, end_column = (
            getattr(node, name) for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")
        )
        return Span(line, self._characters(line, column), end_line, self._characters(end_line, end_column))

    def _characters(self, line: int, column: int) -> int:
        if self._lines is None or line > len(self._lines):
            return column
        return len(self._lines[line - 1][:column].decode("utf-8", "replace"))


def _argument_forms(name: str, node: ast.Call) -> dict[int, str]:
    """The forms of a call's arguments, where the callee gives them one."""
    if name in _CHECKS:
        return {1: name}
    if name == "partial":
        return {0: "partial"}
    if name == "cast":
        return {0: "cast"}
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if name == "patch" or (name in ("setattr", "delattr", "object") and owner is not None):
        return {0: "patch"}
    return {}
