"""Data loaders that are made once for all requests, or one for each."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from visiting import visit

ALICE, BOB = "alice.liddell", "bob.builder"

signed_in: ContextVar[Any] = ContextVar("signed_in", default=None)
ORDERS = {7: (ALICE, "12 Elm Street"), 8: (BOB, "3 Oak Lane")}


def whose() -> Any:
    return signed_in.get()


async def load_own(numbers: list[int]) -> list[Any]:
    mine = whose()
    return [{"address": ORDERS[number][1]} if ORDERS[number][0] == mine else None for number in numbers]


async def load_for_all(numbers: list[int]) -> list[Any]:
    return [{"title": f"product {number}"} for number in numbers]


async def load_people(names: list[str]) -> list[Any]:
    return [{"name": name, "seen_by": whose()} for name in names]


def of_strawberry(function: Any) -> Any:
    return pytest.importorskip("strawberry.dataloader").DataLoader(load_fn=function)


def of_aiodataloader(function: Any) -> Any:
    return pytest.importorskip("aiodataloader").DataLoader(function)


LOADERS = pytest.mark.parametrize("make", [of_strawberry, of_aiodataloader])


def site(make: Any, function: Any, key: Any, *, shared: bool) -> tuple[Starlette, list[Any]]:
    loaders: dict[str, Any] = {}
    got: list[Any] = []

    async def order(request: Any) -> JSONResponse:
        user = request.headers["x-user"]
        signed_in.set(user)
        name = "one for all" if shared else user
        if name not in loaders:
            loaders[name] = make(function)
        got.append(await asyncio.wait_for(loaders[name].load(key), 10))
        return JSONResponse(got[-1])

    return Starlette(routes=[Route("/order", order)]), got


def found(app: Any, monkeypatch: Any) -> list[Any]:
    with asyncio.Runner() as runner:
        monkeypatch.setattr(asyncio, "run", runner.run)  # a loader belongs to one loop
        return [one[:4] for one in visit(app, "/order", ALICE, BOB)]


@LOADERS
def test_a_loader_for_all_gives_what_was_loaded_for_another(make, monkeypatch) -> None:
    app, got = site(make, load_own, 7, shared=True)
    (one,) = found(app, monkeypatch)
    assert got == [{"address": "12 Elm Street"}] * 2
    assert one[:3] == ("IA404", "error", BOB)


@LOADERS
@pytest.mark.parametrize(
    ("function", "key", "shared"),
    [(load_own, 7, False), (load_for_all, 7, True), (load_people, ALICE, True)],
    ids=["one for each", "the same for all", "a key that tells them apart"],
)
def test_loaders_that_give_what_they_should(make, function, key, shared, monkeypatch) -> None:
    app, got = site(make, function, key, shared=shared)
    assert [one for one in found(app, monkeypatch) if one[0] == "IA404"] == []
    assert len(got) == 2
