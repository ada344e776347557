"""Whether anything may be running for somebody: told before the first begins, and once the last is gone."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import threading

import pytest

from isolation_audit.model.open_units import OpenUnits


class Thing:
    pass


@pytest.fixture
def open_units():
    found = OpenUnits()
    found.said = []
    found.watch(found.said.append, always=False)
    yield found
    found.forget()


def test_the_first_and_the_last_are_told(open_units):
    one, other = Thing(), Thing()
    open_units.began(one)
    open_units.began(other)
    del one
    gc.collect()
    assert open_units.said[-1] is True
    open_units.ended(other)
    assert open_units.said[0] is False
    assert open_units.said[-1] is False
    assert all(open_units.said[1:-1])


def test_what_a_context_still_has_is_living(open_units):
    variable = contextvars.ContextVar("variable")
    thing = Thing()
    open_units.began(thing)
    context = contextvars.copy_context()
    context.run(variable.set, thing)
    del thing
    gc.collect()
    assert open_units.said[-1] is True
    del context
    gc.collect()
    assert open_units.said[-1] is False


def test_what_is_not_known_counts_as_living():
    open_units, said = OpenUnits(), []
    open_units.began(Thing())
    open_units.watch(said.append, always=False)
    assert said == [True]


def test_what_was_left_when_nobody_is_told_any_more_is_not_known(open_units):
    thing, said = Thing(), []
    open_units.began(thing)
    open_units.forget()
    open_units.watch(said.append, always=False)
    assert said == [True]


def test_a_doubt_stays_until_the_next_audit(open_units):
    open_units.doubt()
    thing = Thing()
    open_units.began(thing)
    open_units.ended(thing)
    assert open_units.said == [False, True, True, True]
    open_units.forget()
    open_units.watch(open_units.said.append, always=False)
    assert open_units.said[-1] is False


def test_what_begins_on_threads_while_others_end_is_told():
    open_units, state, wrong = OpenUnits(), [False], []

    def tell(some):
        state[0] = some

    def work():
        for _ in range(3_000):
            thing = Thing()
            open_units.began(thing)
            if not state[0]:
                wrong.append("began")
            open_units.ended(thing)

    open_units.watch(tell, always=False)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert state == [False]


def test_what_begins_in_tasks_while_others_end_is_told(open_units):
    async def work(turns):
        for _ in range(turns):
            thing = Thing()
            open_units.began(thing)
            await asyncio.sleep(0)
            assert open_units.said[-1] is True
            open_units.ended(thing)
            await asyncio.sleep(0)

    async def all_of_them():
        await asyncio.gather(*(work(turns) for turns in range(1, 20)))

    asyncio.run(all_of_them())
    assert open_units.said[-1] is False


def test_what_begins_while_the_last_one_is_told_of_is_told():
    """As where the listener's call runs a finalizer of the application, which begins something."""
    open_units, said, late = OpenUnits(), [], Thing()

    def tell(some):
        if not some and len(said) == 2:
            open_units.began(late)
        said.append(some)

    open_units.watch(tell, always=False)
    first = Thing()
    open_units.began(first)
    open_units.ended(first)
    assert said == [False, True, True, False, True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_a_lock_of_its_own_and_what_its_parent_had(open_units):
    thing = Thing()
    open_units.began(thing)
    taken, free = threading.Event(), threading.Event()

    def take():
        with open_units._lock:
            taken.set()
            free.wait()

    thread = threading.Thread(target=take)
    thread.start()
    taken.wait()
    child = os.fork()
    if not child:
        open_units.after_fork()
        kept = open_units.said[-1]
        open_units.ended(thing)
        os._exit(0 if kept is True and open_units.said[-1] is False else 1)
    free.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
