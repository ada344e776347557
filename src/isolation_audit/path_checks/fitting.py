"""One path and one callable: whether the path can give something in a call of it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from isolation_audit.config.paths import Lookup, Path, Root
from isolation_audit.instrument.resolve import awaited_below, function_of, has_receiver
from isolation_audit.path_checks.annotations import UNKNOWN, hint, meant, members, walk
from isolation_audit.path_checks.verdicts import GOOD, Fit, Verdict

if TYPE_CHECKING:
    from types import FunctionType

_IDS: Final = {"str": str, "int": int, "uuid": UUID}


@dataclass(frozen=True, slots=True)
class Callee:
    """Something that is called: its name in remarks, the raw attribute, the class or module that it was found in.

    ``instance`` is the class whose object is ``self``; ``result`` the type of what the call returns.
    """

    name: str
    raw: Any
    owner: Any
    instance: Any = UNKNOWN
    result: Any = UNKNOWN


def fit(path: Path, callee: Callee, ids: tuple[str, ...] = ()) -> Verdict:
    """Whether ``path`` fits; with ``ids`` (types of ids) also whether what it leads to can be a user's id."""
    verdict, kinds = _start(path, callee)
    if verdict.fit is Fit.NEVER:
        return verdict
    further, kinds = walk(kinds, path.steps, _head(path))
    verdict = min(verdict, further, key=lambda one: one.fit)
    for step in path.steps:
        if isinstance(step, Lookup):
            verdict = min(verdict, fit(step.path, callee), key=lambda one: one.fit)
    if verdict.fit is Fit.NEVER or not ids:
        return verdict
    return min(verdict, _is_id(kinds, ("str",) if path.binding is not None else ids), key=lambda one: one.fit)


def _head(path: Path) -> str:
    """The path without its steps."""
    if path.root is not Root.ARGUMENT:
        return str(path.root.value)
    return f"args[{path.argument}]" if isinstance(path.argument, int) else f"args.{path.argument}"


def _start(path: Path, callee: Callee) -> tuple[Verdict, list[Any]]:
    if path.root is Root.ARGUMENT and path.argument is not None:
        return parameter(path.argument, callee)
    if path.root is Root.SELF:
        if not has_receiver(callee.owner, callee.raw):
            return Verdict(Fit.NEVER, f"{callee.name} has no self"), []
        return GOOD, [UNKNOWN] if isinstance(callee.raw, classmethod) else [callee.instance]
    if path.root is Root.RETURN:
        return GOOD, members(callee.result) or [UNKNOWN]
    return GOOD, [UNKNOWN]


def parameter(name: str | int, callee: Callee) -> tuple[Verdict, list[Any]]:
    """Whether a call has this argument, and the types that its annotation tells."""
    function = function_of(callee.raw)
    try:
        # What a decorator's own `*args` stand for is told by the function below it.
        signature = inspect.signature(awaited_below(function) if function is not None else callee.raw)
    except Exception:  # a C callable without one, or a __signature__ of the application's making
        return Verdict(Fit.OPEN, f"{callee.name} tells nothing of its parameters"), [UNKNOWN]
    parameters = list(signature.parameters.values())
    if has_receiver(callee.owner, callee.raw) and parameters and parameters[0].kind is not parameters[0].VAR_POSITIONAL:
        parameters = parameters[1:]
    namespace = _namespace(function)
    if isinstance(name, int):
        return _by_position(name, parameters, callee, namespace)
    for one in parameters:
        if one.name == name:
            return _named(one, callee, namespace)
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return Verdict(Fit.OPEN, f"{callee.name} takes any keyword, and callers decide on {name!r}"), [UNKNOWN]
    close = meant(name, [one.name for one in parameters])
    return Verdict(Fit.NEVER, f"{callee.name} has no parameter {name!r}{close}"), []


def _by_position(
    number: int, parameters: list[inspect.Parameter], callee: Callee, namespace: dict[str, Any]
) -> tuple[Verdict, list[Any]]:
    plain = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    if number < len(plain):
        return GOOD, _kinds(plain[number], namespace)
    rest = next((one for one in parameters if one.kind is one.VAR_POSITIONAL), None)
    if rest is not None:
        return Verdict(Fit.OPEN, f"{callee.name} takes *{rest.name}, and callers decide how many"), [UNKNOWN]
    return Verdict(Fit.NEVER, f"{callee.name} has no parameter number {number} ({len(plain)} in all, from 0)"), []


def _named(one: inspect.Parameter, callee: Callee, namespace: dict[str, Any]) -> tuple[Verdict, list[Any]]:
    if one.kind is one.VAR_POSITIONAL:
        reason = f"{callee.name} takes *{one.name}: write args[0] for the first of them"
        return Verdict(Fit.NEVER, reason), []
    if one.kind is one.VAR_KEYWORD:
        reason = f"{callee.name} takes **{one.name}: write args.NAME for one of them by its name"
        return Verdict(Fit.NEVER, reason), []
    return GOOD, _kinds(one, namespace)


def _kinds(one: inspect.Parameter, namespace: dict[str, Any]) -> list[Any]:
    if one.annotation is one.empty:
        return [UNKNOWN]
    return members(hint(one.annotation, namespace)) or [UNKNOWN]


def _namespace(function: FunctionType | None) -> dict[str, Any]:
    if function is None:
        return {}
    below = inspect.unwrap(function)
    return dict(getattr(below, "__globals__", function.__globals__))


def _is_id(kinds: list[Any], ids: tuple[str, ...]) -> Verdict:
    accepted = tuple([_IDS[name] for name in ids])
    told = [kind for kind in kinds if kind is not UNKNOWN]
    if not told or len(told) < len(kinds):
        return GOOD
    classes: list[type] = [getattr(kind, "__origin__", kind) for kind in told]
    if any(issubclass(cls, accepted) and cls is not bool for cls in classes):
        return GOOD
    for name, kind in _IDS.items():
        if any(issubclass(cls, kind) and cls is not bool for cls in classes):
            wanted = [*ids, name]
            return Verdict(Fit.NEVER, f"it gives {name}, which is no id until identity.id_types = {wanted!r} says so")
    if any(issubclass(cls, Sequence) or hasattr(cls, "__iter__") for cls in classes):
        return Verdict(Fit.OPEN, "it gives several values")
    return Verdict(Fit.NEVER, f"it gives a {classes[0].__qualname__}, which is no id: go on to the field that is")
