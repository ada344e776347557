"""Mailboxes: queues of which each belongs to one user, and is emptied by a task that was started in that user's work.

A worker for everybody and an actor for each user look alike as long as there is one of them. Once the same line of code
asks another queue on behalf of another user, it is actors: what they work on is their own user's, whoever has sent it.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.model.owner_tags import drop_oldest

if TYPE_CHECKING:
    from collections.abc import Hashable

    from isolation_audit.model.users import User

_PLACES: Final = 1_000
_USERS: Final = 10_000
"""Users of one place whose queues are remembered."""


class Mailboxes:
    """Queues by the line that asks for an item, and by the user in whose context it does; gone with the queue."""

    def __init__(self) -> None:
        self._queues: dict[Hashable, dict[str, weakref.ref[Any]]] = {}

    def add(self, place: Hashable, user: User, queue: object) -> None:
        """``user``'s long-lived task asks ``queue`` at ``place``."""
        drop_oldest(self._queues, _PLACES)
        queues = self._queues.setdefault(place, {})
        drop_oldest(queues, _USERS)
        key = user.id

        def forget(gone: weakref.ref[Any]) -> None:
            if queues.get(key) is gone:
                queues.pop(key, None)

        queues[key] = weakref.ref(queue, forget)

    def has_another(self, place: Hashable, user: User, queue: object) -> bool:
        """True where ``user``, too, has a task that asks at ``place``, but another queue."""
        reference = self._queues.get(place, {}).get(user.id)
        theirs = None if reference is None else reference()
        return theirs is not None and theirs is not queue
