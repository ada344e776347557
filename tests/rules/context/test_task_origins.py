"""In whose work something was started, and whether that is over."""

from __future__ import annotations

import asyncio
import threading

from isolation_audit.model.users import User
from isolation_audit.rules.context.task_origins import TaskOrigin, Turn

ALICE, BOB = User("alice"), User("bob")


def thread() -> threading.Thread:
    """One that has ended."""
    made = threading.Thread(target=lambda: None)
    made.start()
    made.join()
    return made


def test_a_thread_that_serves_one_after_the_other_has_turns() -> None:
    turn, here = Turn(), threading.current_thread()
    origin = TaskOrigin(here, ALICE, turn, None)
    assert not origin.over()
    turn.over = True
    assert origin.over()
    assert not TaskOrigin(here, ALICE, None, None).over(), "the thread itself goes on"
    assert TaskOrigin(thread(), ALICE, None, None).over()


def test_a_task_is_over_when_it_is_done() -> None:
    async def main() -> None:
        event = asyncio.Event()
        task = asyncio.create_task(event.wait())
        origin = TaskOrigin(task, ALICE, None, None)
        assert not origin.over()
        assert origin.is_(task)
        assert not origin.is_(None)
        event.set()
        await task
        assert origin.over()

    asyncio.run(main())


def test_it_is_ended_once_whoever_has_started_it_for_the_same_user_is() -> None:
    outer, turn = Turn(), Turn()
    here = threading.current_thread()
    of_bob = TaskOrigin(here, BOB, Turn(), None)
    first = TaskOrigin(here, ALICE, outer, of_bob)
    second = TaskOrigin(here, ALICE, turn, first)
    turn.over = True
    assert not second.ended()
    outer.over = True
    assert second.ended(), "bob's own work is his"


def test_those_that_have_ended_become_no_chain() -> None:
    origin = None
    for _ in range(50):
        turn = Turn()
        origin = TaskOrigin(threading.current_thread(), ALICE, turn, origin)
        turn.over = True
    held = 0
    while origin is not None:
        held, origin = held + 1, origin.before
    assert held <= 2


def test_the_same_work_tells_nothing_new() -> None:
    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        turn = Turn()
        origin = TaskOrigin(task, ALICE, turn, None)
        assert origin.is_same(task, ALICE, turn)
        assert not origin.is_same(task, BOB, turn)
        assert not origin.is_same(task, ALICE, Turn())
        assert not origin.is_same(asyncio.create_task(asyncio.sleep(0)), ALICE, turn)

    asyncio.run(main())
