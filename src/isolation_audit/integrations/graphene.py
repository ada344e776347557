"""graphene: the user whom a query's context names; its data loaders are aiodataloader's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.integrations.building_blocks.graphql_contexts import of_contexts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

_RUNS: Final = tuple([f"graphene.types.schema:Schema.{name}" for name in ("execute", "execute_async", "subscribe")])


class Graphene:
    """The integration; requests are those of the framework that serves the schema."""

    distribution = "graphene"
    since = "3.0"
    packages = ("graphene", "graphql")

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What runs queries, and begins subscriptions."""
        return of_contexts(runtime, _RUNS)


integration = Graphene()
