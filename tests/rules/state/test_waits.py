"""What somebody waits at, overwritten: two questions of two users have the same number, and one answer goes astray."""

import asyncio
import concurrent.futures
import queue
import threading

import pytest

from isolation_audit.model.rules import Severity
from isolation_audit.rules.state.waits import is_waited_at

ANSWERS = """
    import asyncio

    waiting = {{}}
    numbers = {{"alice": {alice}, "bob": {bob}}}

    async def work(number, text, seconds):
        await asyncio.sleep(seconds)
        if number in waiting:
            {answer}

    async def handle(user, text):
        number = numbers[user]
        own = waiting[number] = {made}
        tasks = asyncio.create_task(work(number, text, 0.05 if user == "alice" else 0.2)),
        try:
            return await asyncio.wait_for({taken}, 0.4)
        except asyncio.TimeoutError:
            return None
    """
QUEUE = {"made": "asyncio.Queue()", "taken": "own.get()", "answer": "await waiting[number].put(text)"}
FUTURE = {
    "made": "asyncio.get_running_loop().create_future()",
    "taken": "own",
    "answer": "waiting[number].done() or waiting[number].set_result(text)",
}


@pytest.mark.parametrize("way", [QUEUE, FUTURE], ids=["queue", "future"])
def test_an_answer_that_goes_to_whoever_asked_with_the_same_number(audited, way):
    findings, said = audited(ANSWERS.format(alice=1, bob=1, **way))
    assert said == [None, "the pin of my card is 47-11"], "bob was given what alice has asked"
    (finding,) = [one for one in findings if "answers go there" in one.witnesses.provenance]
    assert (finding.rule, finding.severity) == ("IA402", Severity.WARNING)


@pytest.mark.parametrize("way", [QUEUE, FUTURE], ids=["queue", "future"])
def test_a_number_for_each_question(audited, way):
    findings, said = audited(ANSWERS.format(alice=1, bob=2, **way))
    assert (findings, said) == ([], ["the pin of my card is 47-11", "please buy some milk"])


def test_whoever_has_been_answered_waits_no_longer(audited):
    """One future for each key, which the next one replaces when it is done: whoever asks meanwhile waits as well."""
    flights = """
        import asyncio

        under_way = {}

        async def fetch(key):
            if key in under_way and not under_way[key].done():
                return await under_way[key]
            flight = under_way[key] = asyncio.get_running_loop().create_future()
            await asyncio.sleep(0.001)
            flight.set_result("the weather is fine")
            return await flight

        async def handle(user, text):
            return [await fetch("weather") for _ in range(20)][-1]
        """
    assert audited(flights) == ([], ["the weather is fine"] * 2)


def test_queues_and_futures_are_waited_at():
    async def waits():
        future, waited, idle = asyncio.get_running_loop().create_future(), asyncio.Queue(), asyncio.Queue()
        getting = asyncio.create_task(waited.get())
        await asyncio.sleep(0)
        assert [is_waited_at(one) for one in (future, waited, idle)] == [True, True, False]
        future.set_result(1)
        waited.put_nowait(2)
        assert [is_waited_at(one) for one in (future, waited)] == [False, False]
        await getting

    asyncio.run(waits())
    waited, begun = queue.Queue(), threading.Event()
    getting = threading.Thread(target=lambda: (begun.set(), waited.get()))
    getting.start()
    begun.wait(10)
    while not is_waited_at(waited):
        assert getting.is_alive()
    waited.put(1)
    getting.join()
    assert [is_waited_at(one) for one in (waited, concurrent.futures.Future(), [], None)] == [False, True, False, False]
