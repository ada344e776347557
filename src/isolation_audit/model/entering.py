"""How scopes begin and end: ``user_scope()``, and what a running auditor is told of it.

They are held in a context variable, so that tasks and threads inherit them.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.texts import bounded
from isolation_audit.model.contexts import Moment, current_scope, moment_variable, scope_variable, unit_of_work
from isolation_audit.model.open_units import open_units
from isolation_audit.model.scopes import SYSTEM_USER, Scope

if TYPE_CHECKING:
    from types import TracebackType


PLACE: Final = "scope"
"""What faults at the beginning and end of scopes are counted under."""


class ScopeListener:
    """What the running auditor does when an explicit scope begins or ends; the default does nothing.

    ``faults`` counts by place what has gone wrong: exceptions stay here, as scopes are entered in the application's own
    code.
    """

    def __init__(self, faults: dict[str, int] | None = None) -> None:
        self.faults = defaultdict(int) if faults is None else faults

    def begin(self, scope: Scope) -> None:
        """Called after the scope became current."""

    def end(self, scope: Scope) -> None:
        """Called after the scope was left."""


class _Listening:
    listener: ScopeListener = ScopeListener()


_listening = _Listening()


def listen(listener: ScopeListener | None) -> None:
    """Install the listener of explicit scopes; None takes it away."""
    _listening.listener = listener or ScopeListener()


def enter(scope: Scope) -> None:
    """Make ``scope`` current and tell the listener."""
    scope_variable.set(scope)
    # As entered(), without a call: the application's stack may have no room left for one, and both change, or none.
    moment_variable.set(Moment())
    try:
        if not open_units.idle:
            open_units.began(scope)
        _listening.listener.begin(scope)
    except Exception:
        _listening.listener.faults[PLACE] += 1  # no call: there may be no room for one


def leave(scope: Scope, *, failed: bool = False) -> None:
    """End ``scope``: its parent is current again, or, where others are inside it, it drops out of their chain.

    A generator may be closed in another context: there the chain does not hold this scope, and nothing is touched.
    """
    if scope.ended:
        return
    scope.ended = time.time_ns()
    scope.failed = failed
    current = scope_variable.get()
    if current is scope:
        parent = scope.parent
        scope_variable.set(parent)
        moment_variable.set(None if parent is None and unit_of_work.get().request is None else Moment())  # as above
    else:
        # Left before the scopes that were entered in it: when they end, they must not bring it back.
        while current is not None and current.parent is not scope:
            current = current.parent
        if current is not None:
            current.parent = scope.parent
    inputs, scope.inputs = scope.inputs, None
    try:
        if inputs is not None:
            inputs.end()
        _listening.listener.end(scope)
    except Exception:
        _listening.listener.faults[PLACE] += 1  # no call: there may be no room for one


class user_scope:  # noqa: N801 - used like a function
    """Say who the work in this block is for::

        with user_scope("alice", run_id="run_17"):
            ...

    ``user_id`` is a non-empty string; further keywords (``run_id``, ``thread_id``, ``request_id``, ``connection_id``)
    are bound to the user. Works without a running auditor, too: it then only sets a context variable.

    Raises:
        TypeError: ``user_id`` is no string, or is empty.
    """

    __slots__ = ("_ids", "_open", "_user_id")

    def __init__(self, user_id: str, **ids: str) -> None:
        if not issubclass(type(user_id), str) or not str.__len__(user_id):
            given = "an empty one" if issubclass(type(user_id), str) else type(user_id).__name__
            raise TypeError(f"user_scope() takes the user's id as a non-empty string, not {given}")
        self._user_id = bounded(str.__str__(user_id))
        self._ids = {kind: bounded(one) if type(one) is str else one for kind, one in ids.items()}
        self._open: list[Scope] = []

    def __enter__(self) -> None:
        scope = Scope(self._user_id, "user_scope", current_scope(), self._ids)
        self._open.append(scope)
        enter(scope)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # One object may be entered again, also by several tasks at once: what ends is this context's scope.
        current = current_scope()
        scope = current if current in self._open else self._open[-1] if self._open else None
        if scope is not None:
            self._open.remove(scope)
            leave(scope, failed=kind is not None)


def system_scope() -> user_scope:
    """Say that the work in this block is the system's own and may touch every user's data."""
    return user_scope(SYSTEM_USER)
