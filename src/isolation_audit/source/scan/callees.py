"""What well-known callees do with their arguments, where that gives a reference in them another form."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

_MODULES = {"functools", "typing", "typing_extensions", "types", "unittest.mock", "mock"}
_CHECKS = {"isinstance", "issubclass"}
_PATCHED = {"patch", "setattr", "delattr", "object", "dict", "multiple", "spy"}
_OWNERS = {"patch", "mock", "mocker", "monkeypatch", "mp"}
"""Names by which a patcher is known where its import can't tell: it is often a parameter."""


@dataclass(frozen=True, slots=True)
class Selectivity:
    """Forms of a call's arguments by place or keyword; ``named`` is the form of an attribute that is named by text."""

    forms: dict[int | str, str] = field(default_factory=dict)
    rest: str = "value"
    named: str = ""
    """The first argument has an attribute, and the second is its name."""

    def form(self, place: int | str) -> str:
        """The form of a reference in an argument."""
        return self.forms.get(place, self.rest)


def called(node: ast.expr | None) -> str:
    """The last part of a dotted name; empty for other expressions."""
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def argument(node: ast.Call, place: int, name: str) -> ast.expr | None:
    """An argument by its place or its name, where it is given."""
    if len(node.args) > place:
        return node.args[place]
    return next((word.value for word in node.keywords if word.arg == name), None)


def arguments_of(node: ast.Call, meant: set[str]) -> Selectivity:
    """How a call takes its arguments; ``meant`` are the paths of its callee."""
    name = called(node.func)
    known = {path.rpartition(":")[2] for path in meant if path.partition(":")[0] in _MODULES}
    names = known or {name}
    if name in _CHECKS:
        return Selectivity({1: name})
    if not names.isdisjoint({"partial", "partialmethod"}):
        return Selectivity({0: "partial"})
    if not names.isdisjoint({"cast", "assert_type"}):
        return Selectivity({0: "annotation", "typ": "annotation"} if "cast" in names else {1: "annotation"})
    if "TypeVar" in known:
        return Selectivity({0: "value"}, rest="annotation")
    if "NewType" in known:
        return Selectivity({1: "annotation", "tp": "annotation"})
    if (name == "type" and len(node.args) == 3) or "new_class" in known:
        return Selectivity({1: "subclass", "bases": "subclass"})
    if name in ("setattr", "delattr", "hasattr") and isinstance(node.func, ast.Name):
        return Selectivity(named="getattr" if name == "hasattr" else "patch")
    return _patcher(node, name, known)


def _patcher(node: ast.Call, name: str, known: set[str]) -> Selectivity:
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    owned = called(owner)
    is_patch = any(path == "patch" or path.startswith("patch.") for path in known) or name == "patch"
    if not is_patch and (name not in _PATCHED or owner is None):
        return Selectivity()
    if name in ("dict", "multiple", "spy") and not is_patch and owned not in _OWNERS:
        return Selectivity()
    return Selectivity({0: "patch", "target": "patch"}, named="patch")
