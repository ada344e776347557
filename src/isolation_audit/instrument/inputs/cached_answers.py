"""Answers of other services that a cache has kept: whose work has fetched them, and which were found there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.model.owner_tags import drop_oldest

if TYPE_CHECKING:
    from collections.abc import Hashable

    from isolation_audit.instrument.runtime import Runtime

_LIMIT: Final = 10_000
"""Answers that are remembered."""


class CachedAnswers:
    """What the caches of clients of HTTP have told; use it with ``runtime.part``."""

    def __init__(self, runtime: Runtime) -> None:
        self._user = runtime.ambient.current
        self._writers: dict[Hashable, str | None] = {}
        self._found: WeakKeyDictionary[Any, str | None] = WeakKeyDictionary()

    def stored(self, key: Hashable) -> None:
        """The running user's work has fetched an answer, and it is kept under this key."""
        user = self._user()
        self._writers[key] = None if user is None else user.id
        drop_oldest(self._writers, _LIMIT)

    def found(self, key: Hashable, response: Any) -> None:
        """This response is the answer that was kept."""
        self._found[response] = self._writers.get(key)

    def known(self, response: Any) -> bool:
        """True for a response that was found."""
        return bool(self._found) and response in self._found

    def writer(self, response: Any) -> str | None:
        """The id of the user whose work has fetched it; None where that is not known, or was nobody's."""
        return self._found.get(response)
