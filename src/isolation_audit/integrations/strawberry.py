"""Strawberry: the user whom a query's context names; what a ``DataLoader`` that requests share keeps under its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.work.cache_libraries import Library
from isolation_audit.integrations.building_blocks.graphql_contexts import of_contexts
from isolation_audit.integrations.building_blocks.keyed_cache import Keyed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

_RUNS: Final = tuple([f"strawberry.schema.schema:Schema.{name}" for name in ("execute", "execute_sync", "subscribe")])
_CACHE: Final = "strawberry.dataloader:DefaultCache"


class Strawberry:
    """The integration; requests and users are those of the framework that serves the schema."""

    distribution = "strawberry-graphql"
    since = "0.341"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What runs queries; what a loader keeps, and what it finds."""
        yield from of_contexts(runtime, _RUNS)
        keyed = Keyed(
            Library(("strawberry", "asyncio")),
            storing=(f"{_CACHE}.set",),
            fetching=(f"{_CACHE}.get",),
            found=_loaded,
        )
        yield from keyed.points(runtime)


def _loaded(future: Any) -> Any:
    """What was loaded; None as long as the batch is under way."""
    if future is None or not future.done() or future.cancelled() or future.exception() is not None:
        return None
    return future.result()


integration = Strawberry()
