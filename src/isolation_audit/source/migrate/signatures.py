"""Parameters of a class's constructor, a method or a function, as its source says."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isolation_audit.config.model import Target
from isolation_audit.source.scan.parsing import Unparsable, parse
from isolation_audit.source.scan.reading import contents

if TYPE_CHECKING:
    from isolation_audit.source.scan.modules import Modules

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_DEEPEST = 20
_PLAIN_DATACLASS = (["dataclass"], ["dataclasses.dataclass"], ["dataclass()"], ["dataclasses.dataclass()"])
_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Signature:
    """Names of parameters, without ``self`` and ``cls``: those that take positions, in order, and those that don't."""

    positional: tuple[str, ...]
    positional_only: int
    keyword_only: tuple[str, ...]
    required: frozenset[str]
    takes_any_position: bool
    takes_any_keyword: bool
    is_async: bool = False
    defaults: tuple[tuple[str, str], ...] = ()
    """Parameters that may be left out, and what they are then, as source."""

    def takes(self, name: str) -> bool:
        """Whether an argument may be passed by this name."""
        return self.takes_any_keyword or name in self.positional[self.positional_only :] or name in self.keyword_only


def signature_of(target: Target, modules: Modules, depth: int = 0) -> Signature | None:
    """The signature of calling ``target``; None where its source does not say."""
    for path in modules.find(target.module):
        try:
            body: list[ast.stmt] = parse(contents(path)).body
        except (Unparsable, OSError):
            return None
        home = _Home(modules, path, body)
        inside_class, node = False, None
        for name in target.qualname.split("."):
            found = [node for node in body if isinstance(node, _DEFINITIONS) and node.name == name]
            if len(found) != 1:
                return None
            if isinstance(found[0], (ast.FunctionDef, ast.AsyncFunctionDef)):
                return _of_function(found[0], bound=inside_class and not _is_static(found[0]))
            body, inside_class, node = found[0].body, True, found[0]
        return _of_class(node, home, depth) if node is not None else None
    return None


@dataclass(frozen=True, slots=True)
class _Home:
    """The module that a class stands in, to look its base up."""

    modules: Modules
    path: str
    body: list[ast.stmt]

    def signature(self, name: str, depth: int) -> Signature | None:
        """The signature of the class that the module knows by a name: its own, or imported."""
        own = [node for node in self.body if isinstance(node, ast.ClassDef) and node.name == name]
        if own:
            return _of_class(own[0], self, depth) if len(own) == 1 else None
        for node in (node for node in self.body if isinstance(node, ast.ImportFrom)):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    module = self.modules.absolute("." * node.level + (node.module or ""), self.path)
                    return signature_of(Target(module, alias.name), self.modules, depth)
        return None


def _of_class(node: ast.ClassDef, home: _Home, depth: int) -> Signature | None:
    """The signature of a class: of its constructor, or of the one that it takes from its only base."""
    for statement in node.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and statement.name == "__init__":
            return _of_function(statement, bound=True)
    if any(isinstance(statement, ast.FunctionDef) and statement.name == "__new__" for statement in node.body):
        return None
    if len(node.bases) == 1 and not node.decorator_list and depth < _DEEPEST:
        base = node.bases[0]
        return home.signature(base.id, depth + 1) if isinstance(base, ast.Name) else None
    if not node.bases and [ast.unparse(decorator) for decorator in node.decorator_list] in _PLAIN_DATACLASS:
        return _of_dataclass(node)
    plain = not node.bases and not node.decorator_list and not node.keywords
    # Without bases and decorators, nothing else can give it parameters.
    return Signature((), 0, (), frozenset(), takes_any_position=False, takes_any_keyword=False) if plain else None


def _of_dataclass(node: ast.ClassDef) -> Signature | None:
    """The fields of a dataclass without options; None where one is more than a name, a type and a plain default."""
    names, defaults = [], []
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or "ClassVar" in ast.unparse(statement.annotation):
            continue
        name, kind = ast.unparse(statement.target), ast.unparse(statement.annotation)
        if "InitVar" in kind or "KW_ONLY" in kind or isinstance(statement.value, ast.Call):
            return None
        names.append(name)
        if statement.value is not None:
            defaults.append((name, ast.unparse(statement.value)))
    required = frozenset(names) - {name for name, _ in defaults}
    return Signature(
        tuple(names), 0, (), required, takes_any_position=False, takes_any_keyword=False, defaults=tuple(defaults)
    )


def _of_function(node: _Function, *, bound: bool) -> Signature:
    arguments = node.args
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    without_default = positional[: len(positional) - len(arguments.defaults)]
    skipped = 1 if bound and positional else 0
    keyword_only = [argument.arg for argument in arguments.kwonlyargs]
    needed = [
        argument.arg
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    return Signature(
        tuple(positional[skipped:]),
        max(len(arguments.posonlyargs) - skipped, 0),
        tuple(keyword_only),
        frozenset([*without_default[skipped:], *needed]),
        takes_any_position=arguments.vararg is not None,
        takes_any_keyword=arguments.kwarg is not None,
        is_async=isinstance(node, ast.AsyncFunctionDef),
        defaults=tuple(
            [
                (name, ast.unparse(default))
                for name, default in (
                    *zip(reversed(positional), reversed(arguments.defaults), strict=False),
                    *zip(keyword_only, arguments.kw_defaults, strict=True),
                )
                if default is not None
            ]
        ),
    )


def _is_static(node: _Function) -> bool:
    return any(isinstance(decorator, ast.Name) and decorator.id == "staticmethod" for decorator in node.decorator_list)
