"""Hooks around imports that can be taken back: before a module's code runs, and once it has been imported.

One permanent finder, in front of the others, notices the modules that somebody waits for; it finds nothing by itself.
Whatever goes wrong in a hook ends here: it must not fail the application's import.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

Hook = Callable[[ModuleType], None]

_wanted: dict[str, list[Hook]] = {}
_armed: set[str] = set()
_before: dict[str, list[Callable[[], None]]] = {}


class _Lock:
    """The lock of this file; a forked child gets a new one, because another thread may have held it at the fork."""

    held = threading.RLock()


def _after_fork() -> None:
    _Lock.held = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def before_import(name: str, hook: Callable[[], None]) -> None:
    """Call ``hook()`` once, right before the code of the module ``name`` runs.

    The module is in ``sys.modules`` by then: a hook that imports it gets that one, and no second one is made.
    """
    with _Lock.held:
        _before.setdefault(name, []).append(hook)
    _finder.put_in()


def forget_before(name: str, hook: Callable[[], None]) -> None:
    """Take back what :func:`before_import` was given, where it was not called."""
    with _Lock.held:
        hooks = _before.get(name, [])
        if hook in hooks:
            hooks.remove(hook)
        if not hooks:
            _before.pop(name, None)


def when_imported(name: str, hook: Hook) -> bool:
    """Call ``hook(module)`` once ``name`` has been imported; at once, and True, where it is complete already.

    The hook must not raise; if it does, that ends here. A module that is being imported at this moment counts as not
    imported: nobody is told when it is complete, so the caller has to look again later.
    """
    with _Lock.held:
        _wanted.setdefault(name, []).append(hook)
    module = sys.modules.get(name)
    if module is None:
        _arm(name)
        return False
    if being_imported(module):
        return False
    hook(module)
    return True


def being_imported(module: ModuleType) -> bool:
    """True while the module's own code runs."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def forget(name: str, hook: Hook) -> None:
    """Take a hook back; the finder stays, and finds nobody to tell."""
    with _Lock.held:
        hooks = _wanted.get(name, [])
        if hook in hooks:
            hooks.remove(hook)
        if not hooks:
            _wanted.pop(name, None)


def rearm(name: str) -> None:
    """Watch for the next import of a module that was removed from ``sys.modules``."""
    if name not in sys.modules:
        _arm(name)


def _arm(name: str) -> None:
    with _Lock.held:
        _armed.add(name)
    _finder.put_in()


def _tell_before(name: str) -> None:
    with _Lock.held:
        hooks = _before.pop(name, [])
    for hook in hooks:
        try:
            hook()
        except Exception:  # noqa: S112 - as in `_fire`
            continue


def _fire(name: str, module: ModuleType) -> None:
    # The name that was waited for: a module may give itself another one.
    with _Lock.held:
        _armed.discard(name)
        hooks = list(_wanted.get(name, ()))
    for hook in hooks:
        try:
            hook(module)
        except Exception:  # noqa: S112 - see below
            # Hooks count their own faults; whatever is left must not fail the application's import.
            continue


class _Finder:
    """Asks the other finders for a module that is waited for, and puts a loader around theirs."""

    def __init__(self) -> None:
        self._looking = threading.local()

    def put_in(self) -> None:
        """Be asked from now on, before the finders that there are."""
        with _Lock.held:
            if not any(finder is self for finder in sys.meta_path):
                sys.meta_path.insert(0, self)

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The spec that another finder gives; None for all that nobody waits for."""
        if name not in _armed and name not in _before:
            return None
        looked_for: set[str] = vars(self._looking).setdefault("names", set())
        if name in looked_for:
            return None  # another finder asks all of them, as this one does
        looked_for.add(name)
        try:
            spec = self._found(name, path, target)
        finally:
            looked_for.discard(name)
        loader: Any = None if spec is None else spec.loader
        if spec is not None and loader is None:
            _tell_before(name)  # a folder without code
        if spec is not None and loader is not None and type(loader) is not _Loader:
            spec.loader = _Loader(name, loader)  # type: ignore[assignment] # it looks like the one that it stands for
        return spec

    def _found(self, name: str, path: Any, target: ModuleType | None) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                return spec
        return None


_finder = _Finder()


class _Loader:
    """Stands for another loader until the module's code has run; module and spec keep the other one."""

    def __init__(self, name: str, loader: Any) -> None:
        self._ia_name = name
        self._ia_loader = loader
        # Only what the other one has: importlib goes by that.
        for step, around in (("exec_module", self._ia_exec), ("load_module", self._ia_load)):
            if hasattr(loader, step):
                setattr(self, step, around)

    __class__ = property(lambda self: type(self._ia_loader))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ia_loader, name)

    def _ia_step_back(self, module: Any) -> None:
        spec: Any = getattr(module, "__spec__", None)
        if getattr(spec, "loader", None) is self:
            spec.loader = self._ia_loader
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = self._ia_loader

    def _ia_exec(self, module: ModuleType) -> None:
        self._ia_step_back(module)
        _tell_before(self._ia_name)
        self._ia_loader.exec_module(module)
        _fire(self._ia_name, module)

    def _ia_load(self, name: str) -> ModuleType:
        _tell_before(self._ia_name)
        module: ModuleType = self._ia_loader.load_module(name)
        self._ia_step_back(module)
        _fire(self._ia_name, module)
        return module
