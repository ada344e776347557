"""What follows when a scope begins or ends: its ids are learned, its request compares, its run is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.stacks import capture_again
from isolation_audit.model import entering, scopes
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.sources import SCOPES
from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.requests import Request
    from isolation_audit.model.scopes import Scope
    from isolation_audit.model.users import User

ORIGIN_FRAMES: Final = 4
"""Frames kept of the place where a scope began; the rest of the stack is the same for most scopes of an application."""

_USER: Final = Kind.USER


class RunningScopes(entering.ScopeListener):
    """Feeds explicit and configured scopes to the tables of one audit, and hands on those that are over."""

    def __init__(self, runtime: Runtime, ended: Callable[[Scope], None]) -> None:
        super().__init__(runtime.barrier.counts)
        self._runtime = runtime
        self._ended = ended
        self._last: RawStack = ()
        """Where one has begun last."""

    def begin(self, scope: Scope) -> None:
        """A scope has begun."""
        runtime = self._runtime
        try:
            runtime.ambient.stamp(scope)
            if scope.origin is None:
                scope.origin = self._last = capture_again(self._last, ORIGIN_FRAMES)
            user = runtime.users.known(scope.user_id) or runtime.users.token(scope.user_id)
            unit = current_unit()
            if unit.request is not None or unit.job is not None:
                self._compare(user, unit.request, unit.job)
            elif user is not None and user.kind is _USER:
                runtime.tally.users_by_source[SCOPES] += 1
            if runtime.spans is not None:
                runtime.spans.begin(scope, user)
            if user is not None and (scope.ids or not user.login or user.kind is not _USER):
                self._meet(scope, user)
            runtime.levels.begin(scope, user)
            for runs in runtime.runs:
                runs.begin(scope)
        except Exception as error:
            runtime.barrier.fault(entering.PLACE, error)

    def _compare(self, user: User | None, request: Request | None, job: Any) -> None:
        """The request that is being served, and the job that is counted, learn of it."""
        known = user is not None and user.kind is _USER
        if job is not None:
            job.known = job.known or known
        if request is None:
            self._runtime.tally.users_by_source[SCOPES] += known
        elif user is not None and known:
            request.meet(user, SCOPES)
        else:
            request.settle()

    def _meet(self, scope: Scope, user: User) -> None:
        """What its user has not had before: that somebody is at work under the id, and ids."""
        runtime = self._runtime
        if scope.user_id == scopes.SYSTEM_USER and runtime.declares_system is not None:
            runtime.declares_system()
        runtime.names.enter(user)
        runtime.ids.learn(scope.ids, user, scope)

    def end(self, scope: Scope) -> None:
        """A scope is over."""
        runtime = self._runtime
        try:
            runtime.tally.scopes += 1
            if scope.rebound is not None:
                runtime.ids.settle(scope)
            if scope.leads:
                runtime.levels.end(scope)
            for runs in runtime.runs:
                runs.end(scope)
            if runtime.hands_on_scopes:
                self._ended(scope)
        except Exception as error:
            runtime.barrier.fault(entering.PLACE, error)
