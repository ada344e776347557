"""Methods: which of a class are watched, what they emit, and what its constructor is told."""

from __future__ import annotations

import inspect
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any

from isolation_audit.config.model import EventName
from isolation_audit.config.paths import Root
from isolation_audit.instrument.patching.placing import same_package
from isolation_audit.instrument.resolve import find, function_of, names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.config import model
    from isolation_audit.config.paths import Path


def instance_methods(cls: type, globs: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Methods of objects that match one of the globs, by name."""
    for name in names(cls):
        home, raw = find(cls, name)
        if isinstance(raw, (classmethod, staticmethod, property, cached_property)) or function_of(raw) is None:
            continue
        if same_package(home, cls) and any(fnmatchcase(name, glob) for glob in globs):
            yield name, raw


def emitting_methods(cls: type, entry: model.Emitter) -> Iterator[tuple[str, Any, EventName]]:
    """Methods that emit, by name, with the event of each."""
    for name in names(cls):
        event = _event_of(name, entry)
        if event is None:
            continue
        home, raw = find(cls, name)
        named = (name, event) in entry.methods or name in entry.broadcast
        if named or (function_of(raw) is not None and not isinstance(raw, property) and same_package(home, cls)):
            yield name, raw, event


def _event_of(name: str, entry: model.Emitter) -> EventName | None:
    if name.startswith("__"):
        return None
    exact = dict(entry.methods).get(name)
    if exact is not None:
        return exact
    for glob, event in entry.methods:
        if fnmatchcase(name, glob):
            return event
    return EventName() if any(fnmatchcase(name, glob) for glob in entry.broadcast) else None


def constructor_names(owner: tuple[Path, ...], cls: type) -> bool:
    """True where the constructor's arguments alone may say whose an object is: what it keeps itself is read later."""
    if any(path.root is Root.SELF for path in owner):
        return False
    function = function_of(find(cls, "__init__")[1])
    if function is None:
        return False
    code = function.__code__
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    anything = bool(code.co_flags & inspect.CO_VARKEYWORDS)
    given = [path.argument for path in owner if path.root is Root.ARGUMENT]
    return any(anything or name in names if isinstance(name, str) else len(names) > (name or 0) for name in given)
