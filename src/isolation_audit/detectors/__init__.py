"""The detectors: each file that defines a :class:`Detector` is one family of rules, found through entry points.

An entry point of the group ``isolation_audit.rules`` leads to a detector, or to a module or package with detectors.
Its name is the prefix of its rules' codes: ``IA`` for ours, a name of their own for those of another package.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from functools import cache
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.detectors.base import Detector
from isolation_audit.plugins import RULES, plugins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.rules import Rule

OURS: Final = EntryPoint("IA", __name__, RULES)
"""Also there where the metadata of this package are missing, or those of an older version: no audit without rules."""


def all_detectors() -> tuple[type[Detector], ...]:
    """Every detector class, in the order of its codes."""
    return _load(_entry_points())[0]


def all_rules() -> dict[str, Rule]:
    """Every rule by its code."""
    rules = [rule for detector in all_detectors() for rule in detector.rules]
    return {rule.code: rule for rule in sorted(rules, key=lambda rule: rule.code)}


def unusable() -> dict[str, Exception]:
    """What kept the rules of other packages from being used, by the names of their entry points."""
    return _load(_entry_points())[1]


def _entry_points() -> tuple[EntryPoint, ...]:
    return (OURS, *(one for one in plugins(RULES) if one.name != OURS.name))


@cache
def _load(entry_points: tuple[EntryPoint, ...]) -> tuple[tuple[type[Detector], ...], dict[str, Exception]]:
    found: list[type[Detector]] = []
    failed: dict[str, Exception] = {}
    for entry_point in entry_points:
        try:
            found += _checked(entry_point.name, entry_point.load())
        except Exception as error:
            if entry_point == OURS:
                raise
            failed[entry_point.name] = error
    return tuple(sorted(found, key=lambda detector: detector.rules[0].code)), failed


def _checked(prefix: str, value: Any) -> list[type[Detector]]:
    found = list(_detectors(value))
    if not found:
        raise TypeError("leads to no detector that declares rules")
    code = re.compile(re.escape(prefix) + r"\d+")
    for detector in found:
        for rule in detector.rules:
            if not code.fullmatch(rule.code):
                raise ValueError(f"the code {rule.code} has to be {prefix} and a number")
    return found


def _detectors(value: Any) -> Iterator[type[Detector]]:
    if not isinstance(value, ModuleType):
        if inspect.isclass(value) and issubclass(value, Detector) and value.rules:
            yield value
        return
    for one in vars(value).values():
        if inspect.isclass(one) and one.__module__ == value.__name__:
            yield from _detectors(one)
    for info in pkgutil.iter_modules(getattr(value, "__path__", ())):
        yield from _detectors(importlib.import_module(f"{value.__name__}.{info.name}"))
