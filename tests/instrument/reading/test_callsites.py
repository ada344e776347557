"""Whether a call writes an argument, told from the caller's bytecode."""

from __future__ import annotations

import asyncio
import sys

import pytest

from isolation_audit.instrument.reading.callsites import writes

TO = frozenset({"to", "room"})


def emit(event, data=None, to=None, room=None, skip=None):
    frame = sys._getframe(1)
    return writes(((frame.f_code, frame.f_lasti),), TO, 2)


async def emit_later(event, data=None, to=None, room=None, skip=None):
    await asyncio.sleep(0)  # the caller is resumed, and waits on
    frame = sys._getframe(1)
    return writes(((frame.f_code, frame.f_lasti),), TO, 2)


def written(nobody=None):
    yield emit("e", "d", to=nobody)
    yield emit("e", to=nobody)
    yield emit("e", "d", nobody)
    yield emit("e", data=[str(1), str(2)], skip=len("x"), room=nobody)
    yield emit(
        "e",
        "d",
        to={}.get("a") or {}.get("b"),
    )
    yield next(emit("e", "d", room=one) for one in (None,))
    yield len([emit("e", to=nobody)]) and emit("e", "d", to=nobody)


def not_written(options={"to": None}, rest=("e", "d", None)):
    yield emit("e", "d")
    yield emit("e", data="to")
    yield emit(event="e", data="d")
    yield emit("e", str({"to": 1}), skip="room")
    yield emit("e", **options)  # unknown
    yield emit(*rest)  # unknown


def test_plain_calls() -> None:
    assert set(written()) == {True}
    assert set(not_written()) == {False}


def test_awaited_calls() -> None:
    async def awaiting():
        nobody = None
        return (
            [await emit_later("e", "d", to=nobody), await emit_later("e", to=nobody)],
            [await emit_later("e", "d"), await emit_later("e", "d", skip=nobody)],
        )

    yes, no = asyncio.run(awaiting())
    assert yes == [True, True]
    assert no == [False, False]


def test_a_call_that_somebody_else_makes() -> None:
    async def starting():
        return await asyncio.create_task(emit_later("e", "d", to=None))

    assert asyncio.run(starting()) is False


@pytest.mark.parametrize("stack", [(), ((compile("1", "x", "eval"), -1),)])
def test_nothing_to_see(stack) -> None:
    assert writes(stack, TO, 2) is False
