"""gevent: what it makes of threads the auditor can't follow, so it steps aside before that happens.

Once threads are greenlets, one thread's mark is that of all work in the process, locks and events of the auditor's own
threads wait in event loops of their own, and the process may never end. gevent says before it exchanges a module.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.patching.hooks import forget, when_imported

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from isolation_audit.instrument.barrier import Barrier

_EVENTS: Final = "gevent.events"
_COMING: Final = "GeventWillPatchModuleEvent"
_MODULES: Final = frozenset({"_thread", "threading"})


def threads_are_greenlets() -> bool:
    """True where gevent has exchanged them already."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


class Greenlets:
    """Calls ``step_aside`` once, right before gevent exchanges threads for greenlets."""

    def __init__(self, step_aside: Callable[[], None], barrier: Barrier) -> None:
        self._step_aside = step_aside
        self._barrier = barrier
        self._subscribers: list[Any] | None = None

    def watch(self) -> None:
        """Begin; nothing is imported for it."""
        when_imported(_EVENTS, self._subscribe)

    def forget(self) -> None:
        """End."""
        forget(_EVENTS, self._subscribe)
        if self._subscribers is not None and self._told in self._subscribers:
            self._subscribers.remove(self._told)

    def _subscribe(self, events: ModuleType) -> None:
        self._subscribers = events.subscribers
        self._subscribers.append(self._told)

    def _told(self, event: Any) -> None:
        if type(event).__name__ != _COMING or event.module_name not in _MODULES:
            return
        try:
            self.forget()
            self._step_aside()
        except Exception as error:
            self._barrier.fault("gevent", error)
