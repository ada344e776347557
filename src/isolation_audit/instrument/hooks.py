"""Post-import hooks that can be taken back: one permanent wrapt hook a module, and a list of who wants to know.

wrapt's hooks can't be unregistered, and an exception in one fails the application's import; both end here.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import wrapt

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    Hook = Callable[[ModuleType], None]

_lock = threading.RLock()
_wanted: dict[str, list[Hook]] = {}
_armed: set[str] = set()


def when_imported(name: str, hook: Hook) -> bool:
    """Call ``hook(module)`` once ``name`` has been imported; at once, and True, where it is complete already.

    The hook must not raise. A module that is being imported at this moment counts as not imported: nobody is told when
    it is complete, so the caller has to look again later.
    """
    with _lock:
        _wanted.setdefault(name, []).append(hook)
    module = sys.modules.get(name)
    if module is None:
        _arm(name)
        return False
    if getattr(getattr(module, "__spec__", None), "_initializing", False):
        return False
    hook(module)
    return True


def forget(name: str, hook: Hook) -> None:
    """Take a hook back; the module's wrapt hook stays and finds nobody to tell."""
    with _lock:
        hooks = _wanted.get(name, [])
        if hook in hooks:
            hooks.remove(hook)


def rearm(name: str) -> None:
    """Watch for the next import of a module that was removed from ``sys.modules``."""
    if name not in sys.modules:
        _arm(name)


def _arm(name: str) -> None:
    with _lock:
        if name in _armed:
            return
        _armed.add(name)
    wrapt.register_post_import_hook(_fire, name)


def _fire(module: ModuleType) -> None:
    name = module.__name__
    with _lock:
        _armed.discard(name)
        hooks = list(_wanted.get(name, ()))
    for hook in hooks:
        hook(module)
