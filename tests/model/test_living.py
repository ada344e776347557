"""Whether anything may be running for somebody: told before the first begins, and once the last is gone."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import threading

import pytest

from isolation_audit.model.living import Living


class Thing:
    pass


@pytest.fixture
def living():
    found = Living()
    found.said = []
    found.watch(found.said.append, always=False)
    yield found
    found.forget()


def test_the_first_and_the_last_are_told(living):
    one, other = Thing(), Thing()
    living.began(one)
    living.began(other)
    del one
    gc.collect()
    assert living.said[-1] is True
    living.ended(other)
    assert living.said[0] is False
    assert living.said[-1] is False
    assert all(living.said[1:-1])


def test_what_a_context_still_has_is_living(living):
    variable = contextvars.ContextVar("variable")
    thing = Thing()
    living.began(thing)
    context = contextvars.copy_context()
    context.run(variable.set, thing)
    del thing
    gc.collect()
    assert living.said[-1] is True
    del context
    gc.collect()
    assert living.said[-1] is False


def test_what_is_not_known_counts_as_living():
    living, said = Living(), []
    living.began(Thing())
    living.watch(said.append, always=False)
    assert said == [True]


def test_what_was_left_when_nobody_is_told_any_more_is_not_known(living):
    thing, said = Thing(), []
    living.began(thing)
    living.forget()
    living.watch(said.append, always=False)
    assert said == [True]


def test_a_doubt_stays_until_the_next_audit(living):
    living.doubt()
    thing = Thing()
    living.began(thing)
    living.ended(thing)
    assert living.said == [False, True, True, True]
    living.forget()
    living.watch(living.said.append, always=False)
    assert living.said[-1] is False


def test_what_begins_on_threads_while_others_end_is_told():
    living, state, wrong = Living(), [False], []

    def tell(some):
        state[0] = some

    def work():
        for _ in range(3_000):
            thing = Thing()
            living.began(thing)
            if not state[0]:
                wrong.append("began")
            living.ended(thing)

    living.watch(tell, always=False)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert state == [False]


def test_what_begins_in_tasks_while_others_end_is_told(living):
    async def work(turns):
        for _ in range(turns):
            thing = Thing()
            living.began(thing)
            await asyncio.sleep(0)
            assert living.said[-1] is True
            living.ended(thing)
            await asyncio.sleep(0)

    async def all_of_them():
        await asyncio.gather(*(work(turns) for turns in range(1, 20)))

    asyncio.run(all_of_them())
    assert living.said[-1] is False


def test_what_begins_while_the_last_one_is_told_of_is_told():
    """As where the listener's call runs a finalizer of the application, which begins something."""
    living, said, late = Living(), [], Thing()

    def tell(some):
        if not some and len(said) == 2:
            living.began(late)
        said.append(some)

    living.watch(tell, always=False)
    first = Thing()
    living.began(first)
    living.ended(first)
    assert said == [False, True, True, False, True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_a_lock_of_its_own_and_what_its_parent_had(living):
    thing = Thing()
    living.began(thing)
    taken, free = threading.Event(), threading.Event()

    def take():
        with living._lock:
            taken.set()
            free.wait()

    thread = threading.Thread(target=take)
    thread.start()
    taken.wait()
    child = os.fork()
    if not child:
        living.after_fork()
        kept = living.said[-1]
        living.ended(thing)
        os._exit(0 if kept is True and living.said[-1] is False else 1)
    free.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
