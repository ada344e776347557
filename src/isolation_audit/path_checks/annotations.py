"""What the steps of a path lead to, as far as annotations and classes tell. Nothing is made, no property is read."""

from __future__ import annotations

import difflib
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from isolation_audit.config.paths import Attribute, Item, Step
from isolation_audit.instrument.reading.plain_properties import getitem_hands_on_to, hands_on, reads_only
from isolation_audit.instrument.resolve import dict_of, function_of, mro_of
from isolation_audit.path_checks.assigned import assigned_by, is_pydantic
from isolation_audit.path_checks.deferred import names_of
from isolation_audit.path_checks.verdicts import GOOD, Fit, Verdict

UNKNOWN: Final = object()
"""Stands for a type that nothing tells."""

_WRAPPERS: Final = tuple(
    [
        getattr(typing, name)
        for name in ("Annotated", "ClassVar", "Final", "Required", "NotRequired", "ReadOnly")
        if hasattr(typing, name)
    ]
)
_ATOMS: Final = frozenset(map(id, (str, int, float, bool, bytes, complex)))


def hint(annotation: Any, namespace: Mapping[str, Any]) -> Any:
    """What an annotation means; UNKNOWN where it can't be told. Names for type checkers count, too."""
    if annotation is None or not isinstance(annotation, str):
        return annotation
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    for names in (namespace, {**names_of(namespace), **namespace}):
        try:
            return typing.get_type_hints(holder, globalns=dict(names), include_extras=True)["it"]
        except Exception:  # noqa: S112 - an annotation is the application's expression; what fails is unknown
            continue
    return UNKNOWN


def members(kind: Any) -> list[Any]:
    """The types that a value may have; UNKNOWN among them where nothing tells. None is left out."""
    if kind is None or kind is type(None):
        return []
    if kind is UNKNOWN or kind is Any or kind is object or isinstance(kind, (str, typing.ForwardRef)):
        return [UNKNOWN]
    for below in ("__bound__", "__supertype__", "__value__"):  # TypeVar, NewType, `type X = ...` of Python 3.12
        if not isinstance(kind, type) and hasattr(kind, below):
            return members(getattr(kind, below)) or [UNKNOWN]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return [one for argument in arguments for one in members(argument)]
    if origin is typing.Literal:
        return list(dict.fromkeys(type(one) for one in arguments if one is not None))
    if origin in _WRAPPERS and arguments:
        return members(arguments[0])
    return [kind] if isinstance(origin or kind, type) else [UNKNOWN]


def walk(kinds: list[Any], steps: tuple[Step, ...], place: str) -> tuple[Verdict, list[Any]]:
    """Follow steps from values of these types, found at ``place``: whether that can work, and the types at the end."""
    verdict = GOOD
    for step in steps:
        outcomes = [_step(kind, step, place) for kind in kinds or [UNKNOWN]]
        best = max(outcomes, key=lambda outcome: outcome[0].fit)[0]
        if best.fit is Fit.NEVER:
            return best, []
        verdict = min(verdict, best, key=lambda one: one.fit)
        kinds = [
            one
            for told, following in outcomes
            if told.fit is not Fit.NEVER
            for kind in following
            for one in members(kind)
        ]
        place += f".{step.name}" if isinstance(step, Attribute) else "[...]"
    return verdict, kinds


def _step(kind: Any, step: Step, place: str) -> tuple[Verdict, list[Any]]:
    if kind is UNKNOWN:
        return Verdict(Fit.OPEN, f"nothing says what {place} is"), [UNKNOWN]
    cls: type = typing.get_origin(kind) or kind
    if isinstance(step, Attribute):
        return _attribute(kind, cls, step.name)
    return _item(kind, cls, step.key if isinstance(step, Item) else None)


def _attribute(kind: Any, cls: type, name: str) -> tuple[Verdict, list[Any]]:
    if name.startswith("__") and name.endswith("__"):
        return Verdict(Fit.OPEN, f"{name} is Python's own"), [UNKNOWN]
    if issubclass(cls, dict) and typing.is_typeddict(cls):
        return _key(cls, name)
    fields = fields_of(cls)
    if name in fields:
        return GOOD, [fields[name]]
    for base in mro_of(cls):
        if name in dict_of(base):
            return _class_attribute(cls, name, dict_of(base)[name])
    if issubclass(cls, Mapping):
        arguments = typing.get_args(kind)
        return GOOD, [arguments[1] if len(arguments) == 2 else UNKNOWN]
    set_by_code = assigned_by(cls)
    if name in set_by_code.names:
        function, annotation = set_by_code.names[name]
        return GOOD, [UNKNOWN if annotation is None else hint(annotation, function.__globals__)]
    return _not_there(cls, name, [*fields, *set_by_code.names, *_public(cls)], open_=set_by_code.anything)


def _class_attribute(cls: type, name: str, raw: Any) -> tuple[Verdict, list[Any]]:
    if isinstance(raw, (property, cached_property)):
        return _computed(cls, name, raw)
    if function_of(raw) is not None or isinstance(raw, (types.BuiltinFunctionType, types.MethodDescriptorType)):
        return Verdict(Fit.NEVER, f"{cls.__qualname__}.{name} is a method, and a path calls nothing"), []
    return GOOD, [type(raw) if id(type(raw)) in _ATOMS else UNKNOWN]


def _computed(cls: type, name: str, raw: Any) -> tuple[Verdict, list[Any]]:
    """A property, which is read where it only hands on what lies there."""
    function, place = function_of(raw), f"{cls.__qualname__}.{name}"
    told = None if function is None else function.__annotations__.get("return")
    kinds = [UNKNOWN if function is None or told is None else hint(told, function.__globals__)]
    if isinstance(raw, cached_property):
        return Verdict(Fit.OPEN, f"{place} is read once the application has computed it"), kinds
    if function is None or reads_only(function) is None:
        return Verdict(Fit.NEVER, f"{place} is a property that computes something, and a path computes nothing"), []
    if hands_on(function) is not None:
        return GOOD, kinds
    return Verdict(Fit.OPEN, f"only a run tells whether {place} does more than hand on what lies there"), kinds


def _not_there(cls: type, name: str, known: list[str], *, open_: bool) -> tuple[Verdict, list[Any]]:
    reason = f"{cls.__qualname__} has no {name!r}{meant(name, known)}"
    namespaces = [dict_of(base) for base in mro_of(cls) if base is not object]
    if any(_is_made_on_demand(base) for base in mro_of(cls)):
        return Verdict(Fit.OPEN, f"{cls.__qualname__} makes its attributes when they are asked for"), [UNKNOWN]
    if open_ or _takes_more(cls):
        return Verdict(Fit.OPEN, f"{cls.__qualname__} takes attributes of any name"), [UNKNOWN]
    declares = any(names.get("__annotations__") or "__slots__" in names for names in namespaces)
    if declares or cls.__module__ == "builtins":
        return Verdict(Fit.NEVER, reason), []
    return Verdict(Fit.DOUBTFUL, f"nothing in {reason.replace(' has no', ' sets', 1)}"), [UNKNOWN]


def _is_made_on_demand(base: type) -> bool:
    # Pydantic's own is for private attributes and for extras.
    makers = (dict_of(base).get(name) for name in ("__getattr__", "__getattribute__"))
    return not is_pydantic(base) and any(function_of(maker) is not None for maker in makers)


def _takes_more(cls: type) -> bool:
    config: Any = next((dict_of(base)["model_config"] for base in mro_of(cls) if "model_config" in dict_of(base)), None)
    return type(config) is dict and config.get("extra") == "allow"


def _item(kind: Any, cls: type, key: str | int | None) -> tuple[Verdict, list[Any]]:
    arguments = typing.get_args(kind)
    if issubclass(cls, dict) and typing.is_typeddict(cls):
        return (GOOD, [UNKNOWN]) if key is None else _key(cls, key)
    if issubclass(cls, Mapping):
        return GOOD, [arguments[1] if len(arguments) == 2 else UNKNOWN]
    if issubclass(cls, tuple) and arguments and arguments[-1] is not Ellipsis and isinstance(key, int):
        if -len(arguments) <= key < len(arguments):
            return GOOD, [arguments[key]]
        return Verdict(Fit.NEVER, f"a tuple of {len(arguments)} has no [{key}]"), []
    if issubclass(cls, Sequence) and isinstance(key, str):
        return Verdict(Fit.NEVER, f"a {cls.__qualname__} has no [{key!r}], only numbers"), []
    if issubclass(cls, Sequence):
        return GOOD, [str if issubclass(cls, str) else arguments[0] if arguments else UNKNOWN]
    return _asked(cls)


def _asked(cls: type) -> tuple[Verdict, list[Any]]:
    """An item of a class of the application's."""
    getting = next((dict_of(base)["__getitem__"] for base in mro_of(cls) if "__getitem__" in dict_of(base)), None)
    if getting is None:
        return Verdict(Fit.NEVER, f"a {cls.__qualname__} can't be read with [...]"), []
    function = function_of(getting)
    if function is None or getitem_hands_on_to(function) is not None:
        return GOOD, [UNKNOWN]
    reason = f"only a run tells whether [...] of {cls.__qualname__} does more than hand on what lies there"
    return Verdict(Fit.OPEN, reason), [UNKNOWN]


def _key(cls: type, key: str | int) -> tuple[Verdict, list[Any]]:
    keys = fields_of(cls)
    if key in keys:
        return GOOD, [keys[str(key)]]
    return Verdict(Fit.NEVER, f"{cls.__qualname__} has no {key!r}{meant(str(key), list(keys))}"), []


def fields_of(cls: type) -> dict[str, Any]:
    """The annotated names of a class and its bases, and what they mean."""
    found: dict[str, Any] = {}
    for base in reversed(mro_of(cls)):
        module = sys.modules.get(base.__module__)
        annotations = dict_of(base).get("__annotations__")
        for name, annotation in (annotations if type(annotations) is dict else {}).items():
            found[name] = hint(annotation, {} if module is None else {**vars(module), base.__name__: base})
    return found


def meant(name: str, known: list[str]) -> str:
    """``; did you mean ...?``, or nothing."""
    close = difflib.get_close_matches(name, list(dict.fromkeys(known)), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _public(cls: type) -> list[str]:
    return [name for base in mro_of(cls) if base is not object for name in dict_of(base) if not name.startswith("_")]
