"""What follows when a scope begins or ends: its ids are learned, its request compares, its run is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.stacks import capture
from isolation_audit.model import scopes
from isolation_audit.model.sources import SCOPES
from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.scopes import Scope
    from isolation_audit.model.users import User

_ORIGIN_FRAMES: Final = 4
"""Frames kept of the place where a scope began; the rest of the stack is the same for most scopes of an application."""


class RunningScopes(scopes.ScopeListener):
    """Feeds explicit and configured scopes to the tables of one audit, and hands on those that are over."""

    def __init__(self, runtime: Runtime, ended: Callable[[Scope], None]) -> None:
        self._runtime = runtime
        self._ended = ended

    def begin(self, scope: Scope) -> None:
        """A scope has begun."""
        runtime = self._runtime
        try:
            runtime.ambient.stamp(scope)
            scope.origin = capture(_ORIGIN_FRAMES)
            user = runtime.users.token(scope.user_id)
            self._compare(user)
            if scope.user_id == scopes.SYSTEM_USER and runtime.declares_system is not None:
                runtime.declares_system()
            if runtime.spans is not None:
                runtime.spans.begin(scope, user)
            if user is not None:
                runtime.names.enter(user)
                runtime.ids.learn(scope.ids, user, scope)
            runtime.levels.begin(scope, user)
            for runs in runtime.runs:
                runs.begin(scope)
        except Exception as error:
            runtime.barrier.fault("scope", error)

    def _compare(self, user: User | None) -> None:
        request = scopes.request_variable.get()
        known = user is not None and user.kind is Kind.USER
        job = scopes.job_count_variable.get()
        if job is not None:
            job.known = job.known or known
        if request is None:
            self._runtime.tally.users_by_source[SCOPES] += known
        elif known:
            request.meet(user, SCOPES)
        else:
            request.settle()

    def end(self, scope: Scope) -> None:
        """A scope is over."""
        runtime = self._runtime
        try:
            runtime.tally.scopes += 1
            runtime.ids.settle(scope)
            runtime.levels.end(scope)
            for runs in runtime.runs:
                runs.end(scope)
            self._ended(scope)
        except Exception as error:
            runtime.barrier.fault("scope", error)
