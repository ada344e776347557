"""What integrations of GraphQL share: the user in the context that a query is run with."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import sources
from isolation_audit.targets.injected_users import InjectedUsers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_NAMES: Final = ("context_value", "context")
"""What graphql-core calls it, and what graphene takes as well."""
_POSITION: Final = 2
"""Its place among the arguments after ``self``."""


def of_contexts(runtime: Runtime, targets: tuple[str, ...]) -> Iterator[Point]:
    """A point around each method of a schema that runs queries."""
    if "dependency" in runtime.part(sources).detect:
        users = runtime.part(InjectedUsers)
        for target in targets:
            yield Point(target, partial(ContextPoint, target, users))


class ContextPoint(Interceptor):
    """Around the running of a query: its resolvers take the entry `user` of its context for the current one."""

    def __init__(self, place: str, users: InjectedUsers, layout: Layout) -> None:
        self.place = place
        self._users = users
        self._context = _context_of(layout)

    def before(self, values: Values) -> None:
        """Look at it."""
        self._users.in_context(self.place, self._context(values))


def _context_of(layout: Layout) -> Callable[[Values], Any]:
    by_name = [layout.optional(name) for name in _NAMES]
    by_position = layout.argument(_POSITION)

    def context(values: Values) -> Any:
        for read in by_name:
            found = read(values)
            if found is not None:
                return found
        with suppress(LookupError):
            return by_position(values)
        return None

    return context
