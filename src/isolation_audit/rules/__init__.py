"""The monitors: each file that defines a :class:`Monitor` is one family of rules, found through entry points.

An entry point of the group ``isolation_audit.rules`` leads to a monitor, or to a module or package with monitors.
Its name is the prefix of its rules' codes: ``IA`` for ours, a name of their own for those of another package.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.foundation.plugins import RULES, Plugin, plugins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from isolation_audit.model.rules import Rule
    from isolation_audit.rules.base import Monitor

OURS: Final = Plugin("IA", __name__, RULES)
"""Also there where the metadata of this package are missing, or those of an older version: no audit without rules."""


def all_monitors() -> tuple[type[Monitor], ...]:
    """Every monitor class, in the order of its codes."""
    return _load(_entry_points())[0]


def all_rules() -> dict[str, Rule]:
    """Every rule by its code."""
    rules = [rule for monitor in all_monitors() for rule in monitor.rules]
    return {rule.code: rule for rule in sorted(rules, key=lambda rule: rule.code)}


def unusable() -> dict[str, Exception]:
    """What kept the rules of other packages from being used, by the names of their entry points."""
    return _load(_entry_points())[1]


def _entry_points() -> tuple[Plugin, ...]:
    return (OURS, *(one for one in plugins(RULES) if one.name != OURS.name))


@cache
def _load(entry_points: tuple[Plugin, ...]) -> tuple[tuple[type[Monitor], ...], dict[str, Exception]]:
    found: list[type[Monitor]] = []
    failed: dict[str, Exception] = {}
    for entry_point in entry_points:
        try:
            found += _checked(entry_point.name, entry_point.load())
        except Exception as error:
            if entry_point == OURS:
                raise
            failed[entry_point.name] = error
    return tuple(sorted(found, key=lambda monitor: monitor.rules[0].code)), failed


def _checked(prefix: str, value: Any) -> list[type[Monitor]]:
    found = list(_monitors(value))
    if not found:
        raise TypeError("leads to no monitor that declares rules")
    code = re.compile(re.escape(prefix) + r"\d+")
    for monitor in found:
        for rule in monitor.rules:
            if not code.fullmatch(rule.code):
                raise ValueError(f"the code {rule.code} has to be {prefix} and a number")
    return found


def _monitors(value: Any) -> Iterator[type[Monitor]]:
    # What only sums up a run imports a rule, and no monitor.
    from isolation_audit.rules.base import Monitor

    if not isinstance(value, ModuleType):
        if inspect.isclass(value) and issubclass(value, Monitor) and value.rules:
            yield value
        return
    for one in vars(value).values():
        if inspect.isclass(one) and one.__module__ == value.__name__:
            yield from _monitors(one)
    for name in _below(getattr(value, "__path__", ())):
        yield from _monitors(importlib.import_module(f"{value.__name__}.{name}"))


def _below(path: Iterable[str]) -> Iterator[str]:
    """Packages and modules named ``monitor`` that a package has."""
    for folder in path:
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is asked
        except OSError:  # in an archive
            import pkgutil

            yield from (one.name for one in pkgutil.iter_modules([folder]) if one.ispkg or one.name == "monitor")
            continue
        for name in names:
            if name in ("monitor.py", "monitor.pyc"):
                yield "monitor"
            elif name.isidentifier() and any(
                os.path.isfile(os.path.join(folder, name, one))  # noqa: PTH113, PTH118 - as above
                for one in ("__init__.py", "__init__.pyc")
            ):
                yield name
