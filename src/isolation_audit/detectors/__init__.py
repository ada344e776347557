"""The detectors: each file of this package that defines a :class:`Detector` is one family of rules, found by itself."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from isolation_audit.detectors.base import Detector

if TYPE_CHECKING:
    from isolation_audit.rules import Rule


@cache
def all_detectors() -> tuple[type[Detector], ...]:
    """Every detector class, in the order of its codes."""
    found = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        found += [
            value
            for value in vars(module).values()
            if inspect.isclass(value)
            and issubclass(value, Detector)
            and value.__module__ == module.__name__
            and value.rules
        ]
    return tuple(sorted(found, key=lambda detector: detector.rules[0].code))


@cache
def all_rules() -> dict[str, Rule]:
    """Every rule by its code."""
    rules = [rule for detector in all_detectors() for rule in detector.rules]
    return {rule.code: rule for rule in sorted(rules, key=lambda rule: rule.code)}
