"""The work that runs at this moment, in which something was left behind, and whether it is over."""

from __future__ import annotations

import sys
import weakref
from threading import get_ident
from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.work.libraries import Libraries
from isolation_audit.model.contexts import current_scope
from isolation_audit.model.runners import running_loop, running_thread
from isolation_audit.model.running import running_task
from isolation_audit.model.users import same
from isolation_audit.rules.context.task_origins import own_origin

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.scopes import Scope
    from isolation_audit.model.users import User

_INTERLEAVING: Final = ("eventlet", "gevent", "twisted")
"""Libraries that do many pieces of work by turns on one thread, and not in asyncio's tasks. trio says where it runs."""


class RunningWork:
    """The work that runs at this moment: a ``user_scope``, a task, or what a thread does. Holds nothing of it."""

    __slots__ = ("_lasting", "_scope", "_starter", "_task", "_thread")

    def __init__(self, runtime: Runtime, user: User, stack: RawStack) -> None:
        lasting = runtime.part(Libraries).lasting
        self._lasting = any(part in code.co_filename for code, _lasti in stack for part in lasting)
        adopted = runtime.ambient.adopted()
        scope = None if adopted is not None and same(adopted, user) else _outermost(current_scope())
        self._scope = None if scope is None else weakref.ref(scope)
        task = running_task()
        self._task = None if task is None else weakref.ref(task)
        starter = own_origin()
        self._starter = starter if starter is not None and same(starter.user, user) else None
        # A callback of an event loop is no work of its own, and nothing tells when that is over.
        thread = None if task is not None or running_loop() is not None else running_thread()
        self._thread = None if thread is None else weakref.ref(thread)

    def over(self) -> bool:
        """True where it is certain that it has ended."""
        if self._lasting:
            return False
        if self._scope is not None:
            scope = self._scope()
            return scope is None or bool(scope.ended)
        if self._task is not None:
            task = self._task()
            return (task is None or task.done()) and (self._starter is None or self._starter.ended())
        thread = None if self._thread is None else self._thread()
        if thread is None or not thread.is_alive():
            return self._thread is not None
        # A thread does one piece of work after the other: there it is over as soon as it does another user's.
        return thread.ident == get_ident() and not _takes_turns()


def _takes_turns() -> bool:
    """True where this thread may do several pieces of work by turns."""
    if any(name in sys.modules for name in _INTERLEAVING):
        return True
    trio = sys.modules.get("trio")
    runs_here = getattr(getattr(trio, "lowlevel", None), "in_trio_run", None)
    return trio is not None and (runs_here is None or bool(runs_here()))


def _outermost(scope: Scope | None) -> Scope | None:
    """The outermost scope of one and the same user."""
    while scope is not None and scope.parent is not None and scope.parent.user_id == scope.user_id:
        scope = scope.parent
    return scope
