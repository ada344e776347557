"""Post-import hooks that can be taken back: one permanent wrapt hook a module, and a list of who wants to know.

wrapt's hooks can't be unregistered, and an exception in one fails the application's import; both end here.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import ModuleType

import wrapt

Hook = Callable[[ModuleType], None]

_wanted: dict[str, list[Hook]] = {}
_armed: set[str] = set()


class _Lock:
    """The lock of this file; a forked child gets a new one, because another thread may have held it at the fork."""

    held = threading.RLock()


def _after_fork() -> None:
    _Lock.held = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


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
    """Take a hook back; the module's wrapt hook stays and finds nobody to tell."""
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
        if name in _armed:
            return
        _armed.add(name)
    wrapt.register_post_import_hook(partial(_fire, name), name)


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
