"""What is known of the place of a call that comes by again and again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from isolation_audit.instrument.stacks import RawStack, capture, capture_again

if TYPE_CHECKING:
    from collections.abc import Callable

DEEPER_THAN_ANY = 10_000


def asked(last: RawStack, limit: int) -> RawStack:
    return capture_again(last, limit)


def from_further(last: RawStack, limit: int) -> RawStack:
    return asked(last, limit)


def in_thread(call: Callable[[], None]) -> None:
    """On a stack of its own, which has none of pytest's plugins."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(call).result()


@pytest.mark.parametrize("limit", [2, DEEPER_THAN_ANY])
def test_the_same_place_gives_what_it_gave_before_also_where_the_stack_has_fewer_frames(limit: int) -> None:
    def again() -> None:
        last: RawStack = ()
        given = []
        for _ in range(2):
            last = asked(last, limit)
            given.append(last)
        assert given[0] is given[1]
        assert len(given[0]) == min(limit, len(capture(limit)) + 1)

    in_thread(again)


def test_a_stack_that_begins_alike_and_goes_on_is_another() -> None:
    def from_elsewhere() -> None:
        one = asked((), 2)
        assert from_further(one, 2) != one
        whole = asked((), DEEPER_THAN_ANY)
        assert asked(whole[:2], DEEPER_THAN_ANY) != whole[:2]

    in_thread(from_elsewhere)
