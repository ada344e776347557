"""Namespaces that are meant to be one task's own: what one user's task has put in must not come out in another's.

A value is known again by its identity, and a text by being equal; nothing is held. Values that many have set, that were
set while nobody was known, or in the reader's own task, tell nothing.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import beneath
from isolation_audit.instrument.stacks import capture
from isolation_audit.model.gates import Gate
from isolation_audit.model.owner_tags import drop_first
from isolation_audit.model.running import running_task
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.context.suspicions import ContextBled
from isolation_audit.vocabulary.libraries import TaskLocals

if TYPE_CHECKING:
    from collections.abc import Hashable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

_VALUES: Final = 256
"""Values remembered of one name in one namespace."""

_COMMON: Final = 8
"""Users who have set the same value, from which on it is everybody's."""

_EQUAL: Final = frozenset(map(id, (str, bytes)))
"""Types whose values are known again by being equal. Numbers are nobody's: the same ones turn up everywhere."""


class _Writing:
    """Who has set one value; ``users`` is None once that tells nothing."""

    __slots__ = ("reference", "tasks", "users")

    def __init__(self, reference: weakref.ref[Any] | None) -> None:
        self.reference = reference
        self.users: dict[str, User] | None = {}
        self.tasks: weakref.WeakSet[Any] = weakref.WeakSet()


class Namespaces(TaskLocals):
    """One audit's knowledge of what is in such namespaces."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.gate = Gate()
        """Open once a user's task has put anything in: before that, no reading tells anything."""
        self._written: weakref.WeakKeyDictionary[Any, dict[str, dict[Hashable, _Writing]]] = weakref.WeakKeyDictionary()

    def set(self, namespace: Any, name: str, value: Any) -> None:
        """Something was put into a namespace."""
        values = self._written.setdefault(namespace, {}).setdefault(name, {})
        reference, key = _known_by(value)
        if key is None:
            return
        writing = values.get(key)
        if writing is None or not _is_of(writing, value):
            values.pop(key, None)
            values[key] = writing = _Writing(reference)
            if len(values) > _VALUES:
                drop_first(values)
        if writing.users is None:
            return
        task = running_task()
        user = None if task is None else self._runtime.ambient.current()
        if user is None or user.kind is not Kind.USER or task is None or len(writing.users) >= _COMMON:
            writing.users = None
            return
        self.gate.open = True
        writing.users[user.id] = user
        writing.tasks.add(task)

    def get(self, namespace: Any, name: str, value: Any, how: str, libraries: tuple[str, ...]) -> None:
        """Something was read out of a namespace, beneath the frames of ``libraries``; ``how`` says so in a finding."""
        key = _known_by(value)[1]
        writing = self._written.get(namespace, {}).get(name, {}).get(key)
        if writing is None or not writing.users or not _is_of(writing, value):
            return
        task = running_task()
        user = None if task is None else self._runtime.ambient.current()
        if user is None or user.kind is not Kind.USER or task in writing.tasks:
            return
        writers = list(writing.users.values())
        if any(same(writer, user) for writer in writers):
            return
        stack = beneath(capture(self._runtime.config.limits.stack), libraries)
        self._runtime.publish(ContextBled(how, "was read here", user, writers[-1], stack))


def _known_by(value: Any) -> tuple[weakref.ref[Any] | None, Hashable]:
    kind = type(value)
    if id(kind) in _EQUAL:
        return None, (kind, hash(value))
    try:
        return weakref.ref(value), id(value)
    except TypeError:
        return None, None


def _is_of(writing: _Writing, value: Any) -> bool:
    return writing.reference is None or writing.reference() is value
