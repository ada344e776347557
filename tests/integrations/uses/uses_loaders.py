"""Uses of data loaders."""

from __future__ import annotations

import asyncio
from typing import Any

from uses import as_user, async_outcome, current_user, use


async def _load(keys: list[Any]) -> list[Any]:
    return [[key, current_user.get()] for key in keys]


async def _visit(loader: Any) -> Any:
    return [await async_outcome(loader.load(key)) for key in (1, 1, "two")] + [await async_outcome(_broken(loader))]


async def _broken(loader: Any) -> Any:
    return await loader.load([])


@use("strawberry_loaders")
def strawberry_loaders() -> Any:
    async def main() -> Any:
        from strawberry.dataloader import DataLoader

        return await _visit(DataLoader(load_fn=_load))

    return as_user("somebody", lambda: asyncio.run(main()))


@use("aiodataloader")
def aiodataloader() -> Any:
    async def main() -> Any:
        from aiodataloader import DataLoader

        return await _visit(DataLoader(_load))

    return as_user("somebody", lambda: asyncio.run(main()))
