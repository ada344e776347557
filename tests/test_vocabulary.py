"""What integrations tell: for each class of the vocabulary somebody listens, and to all of it."""

from __future__ import annotations

import inspect
from importlib import import_module
from pkgutil import iter_modules
from types import FunctionType
from typing import Any

import pytest

from isolation_audit import vocabulary
from isolation_audit.foundation.plugins import loaded
from isolation_audit.rules import all_monitors

HEARD = [pair for monitor in all_monitors() for pair in monitor.hears]


def words() -> dict[str, type]:
    modules = [import_module(f"{vocabulary.__name__}.{one.name}") for one in iter_modules(vocabulary.__path__)]
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and value.__module__ == module.__name__
        and "__slots__" in vars(value)
        and "__init__" not in vars(value)  # no value that is told
    }


def methods(word: type) -> set[str]:
    return {
        name
        for name, value in vars(word).items()
        if not name.startswith("_") and isinstance(value, (FunctionType, staticmethod, property))
    }


def listening_class(place: str) -> Any:
    """The class of what listens: it is named itself, or what makes it says so."""
    found = loaded(place)
    if inspect.isclass(found):
        return found
    returned = inspect.signature(found).return_annotation
    return getattr(import_module(found.__module__), returned)


def test_nobody_listens_twice_to_one_class_nor_to_one_that_is_not_there() -> None:
    names = [name for name, _place in HEARD]
    assert len(names) == len(set(names)) > 5
    assert set(names) <= words().keys()


@pytest.mark.parametrize(("name", "place"), HEARD, ids=[name for name, _place in HEARD])
def test_who_listens_hears_all_that_is_told(name: str, place: str) -> None:
    word, listener = words()[name], listening_class(place)
    assert issubclass(listener, word)
    assert {one for one in methods(word) if getattr(listener, one) is getattr(word, one)} == set()


def test_every_class_has_somebody_who_inherits_from_it() -> None:
    """What is no word of its own is made by one that is, and has a listener's methods as well."""
    for _name, place in HEARD:
        loaded(place)
    assert [name for name, word in words().items() if not word.__subclasses__()] == []
