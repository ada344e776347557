"""Agents, and whose work has built them: one that is built around alice's id must not run for bob.

That an agent is built in the work of whoever comes first is common, and right as long as nothing in it is theirs. So
it is looked into when it runs first, before it can have collected anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import ref

from isolation_audit.instrument.stacks import DEEP, capture
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.state.made_for import is_made_for
from isolation_audit.vocabulary.agents import AgentBuilds

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User


@dataclass(slots=True, eq=False, repr=False)
class BuiltForAnother:
    """What the ``owner``'s work has built around the owner's id runs in the work of ``ambient``."""

    target: str
    owner: User
    ambient: User
    built: RawStack


class _Built:
    __slots__ = ("by", "is_theirs", "obj", "stack")

    def __init__(self, obj: Any, by: User, stack: RawStack, gone: Any) -> None:
        self.obj = ref(obj, gone)
        self.by = by
        self.stack = stack
        self.is_theirs: bool | None = None
        """None until it is looked into."""


class Builders(AgentBuilds):
    """One audit's; holds no agent."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: dict[int, _Built] = {}

    def built(self, obj: Any) -> None:
        """An agent, or a part of one, was made."""
        user, key, known = self._user(), id(obj), self._known
        known.pop(key, None)
        if user is not None and current_inputs() is not None:
            known[key] = _Built(obj, user, capture(DEEP), lambda _gone: known.pop(key, None))

    def runs(self, target: str, obj: Any) -> None:
        """It is about to run."""
        built = self._known.get(id(obj))
        if built is None or built.obj() is not obj:
            return
        if built.is_theirs is None:
            built.is_theirs = is_made_for(obj, built.by.id)
        user = self._user()
        if built.is_theirs and user is not None and not same(user, built.by) and not is_made_for(obj, user.id):
            self._runtime.publish(BuiltForAnother(target, built.by, user, built.stack))

    def _user(self) -> User | None:
        user = self._runtime.ambient.current()
        return user if user is not None and user.kind is Kind.USER else None
