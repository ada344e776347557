"""The walk through one parsed file that finds which scope binds which name to what, by Python's own rules."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from isolation_audit.source.scan.bindings import Binding, Imported, Scope
from isolation_audit.source.scan.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isolation_audit.source.scan.bindings import Position

_ENDS = re.compile(rb"\r\n|\r|\n")


class Binder(Visitor, ast.NodeVisitor):
    """Walks a module once and fills its scopes.

    Functions that mention nothing of interest have no scope: most of a file need not be walked. What is of interest
    are the words, and names that the module gives to what they stand for.
    """

    def __init__(self, data: bytes, words: frozenset[str]) -> None:
        self._data = data
        self._words = words
        self._later: list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, Scope]] = []
        self.module = Scope("module", "<module>")
        self.scopes: dict[ast.AST, Scope] = {}
        self.generics: dict[ast.AST, Scope] = {}
        """Scopes of type parameters: around a function, a class or a ``type`` statement."""
        self.imports: list[Imported] = []
        self.stars: list[str] = []
        self.exported: list[str] | None = None
        self._scope = self.module
        self._depth = 0
        self._guard: list[str] = []

    def read(self, tree: ast.Module) -> None:
        """Walk the module, then those of its functions that matter."""
        self.visit(tree)
        lines = _lines_with(self._interesting(), self._data)
        for node, outer in self._later:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            place = bisect_left(lines, first)
            if place < len(lines) and lines[place] <= (node.end_lineno or first):
                self._scope = outer
                self._function(node)
        self._scope = self.module

    def _interesting(self) -> frozenset[str]:
        found = set(self._words)
        scopes = [self.module, *(scope for scope in self.scopes.values() if scope.kind == "class")]
        grown = -1
        while grown != len(found):
            grown = len(found)
            for scope in scopes:
                for name, bindings in scope.names.items():
                    if name not in found and any(_mentions(binding.value, found) for binding in bindings):
                        found.add(name)
                        found.add(scope.qualname.partition(".")[0])  # an alias in a class is used through the class
        return frozenset(found)

    # Scopes

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._bind(node.name, node, ":" + self._scope.inner(node.name))
        self._visit_all([*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)])
        self._enter(node, Scope("class", self._scope.inner(node.name), self._generic(node)), node.body)

    def _generic(self, node: ast.AST) -> Scope:
        """The scope that a definition's parameters and body stand in: with its type parameters, where it has some."""
        parameters = getattr(node, "type_params", ())
        if not parameters:
            return self._scope
        scope = self.generics[node] = Scope("comprehension", self._scope.qualname, self._scope)
        for parameter in parameters:
            scope.names[parameter.name] = [Binding(_start(parameter), scope)]
        return scope

    def visit_TypeAlias(self, node: Any) -> None:
        self._generic(node)
        self._bind(node.name.id, node, node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._bind(node.name, node, ":" + self._scope.inner(node.name))
        scope = self._scope
        while scope.kind == "class" and scope.parent is not None:
            scope = scope.parent
        if scope.kind == "module":
            self._later.append((node, self._scope))
        else:
            self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit_all(node.decorator_list)
        scope = Scope("function", self._scope.inner(node.name), self._generic(node))
        scope.is_async = isinstance(node, ast.AsyncFunctionDef)
        self._visit_all([*node.args.defaults, *(default for default in node.args.kw_defaults if default)])
        self._parameters(node.args, scope)
        self._enter(node, scope, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        scope = Scope("function", self._scope.inner("<lambda>"), self._scope)
        self._visit_all([*node.args.defaults, *(default for default in node.args.kw_defaults if default)])
        self._parameters(node.args, scope)
        self._enter(node, scope, [node.body])

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        scope = Scope("comprehension", self._scope.qualname, self._scope, is_async=self._scope.is_async)
        for generator in node.generators:
            self._targets(generator.target, scope)
        self._enter(node, scope, list(ast.iter_child_nodes(node)))

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815

    def _enter(self, node: ast.AST, scope: Scope, body: Sequence[ast.AST]) -> None:
        outer, depth, guard = self._scope, self._depth, self._guard
        self.scopes[node] = self._scope = scope
        self._depth, self._guard = 0, []
        self._visit_all(body)
        self._scope, self._depth, self._guard = outer, depth, guard

    def _parameters(self, arguments: ast.arguments, scope: Scope) -> None:
        rest = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest]:
            scope.names.setdefault(argument.arg, []).append(Binding((argument.lineno, argument.col_offset), scope))

    def _visit_all(self, nodes: Sequence[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    # Branches: what is bound in them may or may not be

    def _branch(self, node: ast.AST) -> None:
        guard = _guard(node)
        self._guard = [*self._guard, guard] if guard else self._guard
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        self._guard = self._guard[:-1] if guard else self._guard

    visit_If = visit_While = visit_Try = visit_TryStar = visit_Match = visit_IfExp = visit_BoolOp = _branch  # noqa: N815

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        # The body knows nothing else by these names; after it, they may never have been given.
        self._depth += 1
        self._targets(node.target, self._scope, until=_end(node.body[-1]))
        self._depth -= 1
        self._branch(node)

    visit_AsyncFor = visit_For  # noqa: N815

    # Bindings

    def _bind(
        self,
        name: str,
        node: ast.AST,
        value: ast.expr | str | None = None,
        imported: int | None = None,
        until: Position | None = None,
    ) -> None:
        scope = self._scope
        if isinstance(node, ast.NamedExpr):
            while scope.kind == "comprehension" and scope.parent is not None:
                scope = scope.parent
        conditional = self._depth > 0
        where = scope.elsewhere.get(name)
        if where == "global":
            scope, conditional = scope.module, True
        elif where == "nonlocal":
            outer = scope.parent
            while outer is not None and (outer.kind != "function" or name not in outer.names):
                outer = outer.parent
            scope, conditional = outer or scope, True
        # The name is there when its statement ends; that of an exception already in the handler's body.
        position = _start(node) if isinstance(node, ast.ExceptHandler) else _end(node)
        until = _end(node) if isinstance(node, ast.ExceptHandler) else until
        binding = Binding(position, self._scope, value, imported, conditional, until)
        scope.names.setdefault(name, []).append(binding)

    def _targets(self, target: ast.AST, scope: Scope, until: Position | None = None) -> None:
        """Names that take values of which nothing is known."""
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
                outer, self._scope = self._scope, scope
                self._bind(node.id, node, until=until)
                self._scope = outer

    def visit_Global(self, node: ast.Global) -> None:
        self._scope.elsewhere.update(dict.fromkeys(node.names, "global"))

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self._scope.elsewhere.update(dict.fromkeys(node.names, "nonlocal"))

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assign(target, node.value, node)
        self._export(node.targets[0], node.value, add=False)
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assign(node.target, node.value, node)
            self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        call = node.value
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in ("append", "extend")
        ):
            for value in call.args:
                self._export(call.func.value, value, add=True)
        self.visit(call)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._export(node.target, node.value, add=True)
        self._targets(node.target, self._scope)
        self.visit(node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._bind(node.target.id, node, node.value)
        self.visit(node.value)

    def _assign(self, target: ast.expr, value: ast.expr, node: ast.AST) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, node, value)
        elif (
            isinstance(target, (ast.Tuple, ast.List))
            and isinstance(value, (ast.Tuple, ast.List))
            and len(target.elts) == len(value.elts)
            and not any(isinstance(element, ast.Starred) for element in (*target.elts, *value.elts))
        ):
            for inner, part in zip(target.elts, value.elts, strict=True):
                self._assign(inner, part, node)
        else:
            self._targets(target, self._scope)

    def _export(self, target: ast.expr, value: ast.expr, *, add: bool) -> None:
        if self._scope.kind == "module" and isinstance(target, ast.Name) and target.id == "__all__":
            names = [
                node.value for node in ast.walk(value) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
            self.exported = [*(self.exported or [] if add else []), *names]

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.withitem) and node.optional_vars is not None:
            self._targets(node.optional_vars, self._scope)
        elif (isinstance(node, ast.ExceptHandler) and node.name) or (
            isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name
        ):
            self._bind(node.name, node)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                self._targets(target, self._scope)
        super().generic_visit(node)

    # Imports

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            form = "import as" if alias.asname else "import"
            number = self._import(alias.name + ":", form, alias)
            # Without `as`, the topmost package gets a name.
            bound = alias.asname or alias.name.partition(".")[0]
            self._bind(bound, alias, (alias.name if alias.asname else bound) + ":", number)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(module)
                self._import(f"{module}:*", "star import", alias)
                continue
            kind = "relative import" if node.level else "from import"
            number = self._import(f"{module}:{alias.name}", f"{kind} as" if alias.asname else kind, alias)
            self._bind(alias.asname or alias.name, alias, f"{module}:{alias.name}", number)

    def _import(self, path: str, form: str, alias: ast.alias) -> int:
        self.imports.append(Imported(path, form, alias, self._scope, self._guard[-1] if self._guard else ""))
        return len(self.imports) - 1


def _mentions(value: ast.expr | str | None, words: set[str]) -> bool:
    if isinstance(value, str):
        return not words.isdisjoint(re.split(r"[.:]", value)[:-1] if value[:1] == ":" else re.split(r"[.:]", value))
    if value is None:
        return False
    for node in ast.walk(value):
        text = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "value", None)
        if isinstance(text, str) and not words.isdisjoint(re.split(r"\W+", text)):
            return True
    return False


def _lines_with(words: frozenset[str], data: bytes) -> list[int]:
    """Numbers of the lines that have one of the words, as the parser counts lines."""
    each = (rf"\b{re.escape(word)}\b" if word.isascii() else re.escape(word) for word in words)
    pattern = re.compile("|".join(each).encode() or b"(?!)")
    found: list[int] = []
    line, counted = 1, 0
    for match in pattern.finditer(data):
        line += len(_ENDS.findall(data, counted, match.start()))
        counted = match.start()
        if not found or found[-1] != line:
            found.append(line)
    return found


def _start(node: ast.AST) -> Position:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _end(node: ast.AST) -> Position:
    return getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)


def _guard(node: ast.AST) -> str:
    if isinstance(node, (ast.Try, ast.TryStar)):
        return "try"
    if isinstance(node, ast.If):
        test = node.test
        name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
        return "TYPE_CHECKING" if name == "TYPE_CHECKING" else "if"
    return ""
