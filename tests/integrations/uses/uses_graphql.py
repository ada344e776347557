"""Uses of libraries that run queries of GraphQL."""

from __future__ import annotations

import asyncio
from typing import Any

from uses import as_user, async_outcome, current_user, outcome, use

__all__: list[str] = []


@use("strawberry")
def of_strawberry() -> Any:
    import strawberry
    from strawberry.dataloader import DataLoader

    async def load(keys: Any) -> Any:
        return [LookupError(key) if key == "none" else f"{key} of {current_user.get()}" for key in keys]

    def user(info: strawberry.Info) -> str:
        return str(info.context["user"])

    async def ticks(info: strawberry.Info) -> Any:
        yield user(info)

    query = strawberry.type(type("Query", (), {"user": strawberry.field(resolver=user)}))
    ticking = type("Subscription", (), {"ticks": strawberry.subscription(resolver=_typed(ticks))})
    schema = strawberry.Schema(query, subscription=strawberry.type(ticking))

    async def main() -> Any:
        loader: Any = DataLoader(load)
        got = []
        for name in ("alice", "bob", None):
            for key in ("home", "home", "none", []):
                current_user.set(name)
                got.append(await async_outcome(_loading(loader, key)))
            context = {"user": name}
            got.append((await schema.execute("{ user }", context_value=context)).data)
            got.append(schema.execute_sync("{ user }", None, context).data)
            got += [one.data async for one in await schema.subscribe("subscription { ticks }", context_value=context)]
            got.append(outcome(schema.execute_sync, "{ user }", operation_extensions=7).data)
        return got

    return as_user(None, asyncio.run, main())


def _typed(function: Any) -> Any:
    from collections.abc import AsyncGenerator

    function.__annotations__["return"] = AsyncGenerator[str, None]
    return function


async def _loading(loader: Any, key: Any) -> Any:
    return await loader.load(key)


@use("graphql_core")
def of_graphql_core() -> Any:
    from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, GraphQLString, execute, parse

    field = GraphQLField(GraphQLString, resolve=lambda _source, info: info.context)
    schema = GraphQLSchema(GraphQLObjectType("Query", {"user": field}))

    def run(name: str | None) -> Any:
        return execute(schema, parse("{ user }"), context_value=name).data

    return [as_user(name, run, name) for name in ("alice", None)] + [outcome(execute, schema, 7), outcome(execute)]


@use("graphene")
def of_graphene() -> Any:
    import graphene

    class Query(graphene.ObjectType):
        user = graphene.String()

        def resolve_user(self, info: Any) -> Any:
            return info.context["user"]

    class Subscription(graphene.ObjectType):
        ticks = graphene.String()

        async def subscribe_ticks(self, info: Any) -> Any:
            yield info.context["user"]

    schema = graphene.Schema(query=Query, subscription=Subscription)

    async def main() -> Any:
        got = []
        for name in ("alice", None):
            context = {"user": name}
            got += [schema.execute("{ user }", context=context).data, schema.execute("{ user }", None, context).data]
            got.append((await schema.execute_async("{ user }", context_value=context)).data)
            ticks = await schema.subscribe("subscription { ticks }", context_value=context)
            got += [one.data async for one in ticks]
            got.append(str(schema.execute("{ nonsense }", context=context).errors))
            got.append(outcome(schema.execute, "{ user }", nonsense=context))
        return got

    return as_user(None, asyncio.run, main())
