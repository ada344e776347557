"""The one worker under exporters, OTLP and the shared store: its rounds, its pauses, its end, and what waits for it."""

from __future__ import annotations

import os
import threading
import time

import pytest

from isolation_audit.exporters.background import Backlog, Worker
from isolation_audit.foundation.own_threads import own_threads
from isolation_audit.instrument.barrier import inside


def until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_oldest_are_given_up_and_counted() -> None:
    backlog: Backlog[int] = Backlog(3)
    for number in range(5):
        backlog.put(number)
    assert (backlog.take(2), len(backlog), backlog.lost) == ([2, 3], 1, 2)
    assert (backlog.take(9), backlog.take(9)) == ([4], [])


def test_what_is_put_back_is_first_and_has_to_fit() -> None:
    backlog: Backlog[int] = Backlog(3)
    backlog.put(7)
    backlog.put_back([4, 5, 6])
    assert (backlog.take(9), backlog.lost) == ([5, 6, 7], 1)
    for number in range(3):
        backlog.put(number)
    backlog.put_back([8])
    assert (len(backlog), backlog.lost) == (3, 2)
    backlog.give_up()
    assert (len(backlog), backlog.lost) == (0, 5)


def test_nothing_is_lost_uncounted_between_threads() -> None:
    backlog: Backlog[int] = Backlog(50)
    taken: list[int] = []
    threads = [threading.Thread(target=lambda: [backlog.put(n) for n in range(5_000)]) for _ in range(4)]
    threads.append(threading.Thread(target=lambda: [taken.extend(backlog.take(7)) for _ in range(2_000)]))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) + len(backlog) + backlog.lost == 20_000


def test_a_round_for_news_and_a_last_one() -> None:
    rounds: list[bool] = []
    finished: list[bool] = []
    worker = Worker(lambda: rounds.append(worker.ending), finish=lambda: finished.append(True))
    worker.start()
    worker.wake()
    until(lambda: rounds)
    assert rounds == [False]
    assert worker.end(60)
    assert (rounds, finished, worker.alive) == ([False, True], [True], False)


def test_rounds_at_intervals_and_rounds_without_waiting() -> None:
    for every in (0.001, 0.0):
        rounds: list[int] = []
        worker = Worker(lambda rounds=rounds: rounds.append(1), every=every)
        worker.start()
        until(lambda rounds=rounds: len(rounds) > 3)
        assert worker.end(60)


@pytest.mark.parametrize("raises", [True, False])
def test_a_round_that_fails_is_tried_again(raises: bool) -> None:
    tries: list[int] = []
    told: list[str] = []

    def work() -> bool:
        tries.append(1)
        if len(tries) < 4:
            if raises:
                raise OSError("down")
            return False
        return True

    worker = Worker(work, failed=lambda error: told.append(str(error)), pauses=(0.001, 0.002))
    worker.start()
    worker.wake()
    until(lambda: len(tries) == 4)
    assert worker.end(60)
    assert told == (["down"] * 3 if raises else [])


def test_the_end_breaks_off_a_pause_and_tries_once_more() -> None:
    tries: list[int] = []

    def work() -> bool:
        tries.append(1)
        return False

    worker = Worker(work, pauses=(3_600.0, 3_600.0))
    worker.start()
    worker.wake()
    until(lambda: tries)
    assert worker.end(60)
    assert len(tries) == 2


def test_the_end_breaks_off_a_round_that_hangs() -> None:
    hanging, begun = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        hanging.wait()

    worker = Worker(work, break_off=hanging.set)
    worker.start()
    worker.wake()
    begun.wait()
    worker.end(0.01)
    until(lambda: not worker.alive)


def test_one_that_never_started_ends() -> None:
    assert Worker(lambda: None).end(60)


def test_its_thread_is_not_the_applications() -> None:
    seen: list[bool] = []
    worker = Worker(lambda: seen.append(threading.get_ident() in inside))
    worker.start()
    assert worker.end(60)
    assert seen == [True]


def test_its_thread_is_none_that_the_application_counts() -> None:
    others, seen = threading.enumerate(), []
    worker = Worker(lambda: seen.append((threading.enumerate(), threading.get_ident() in own_threads())))
    worker.start()
    worker.wake()
    until(lambda: seen)
    assert threading.enumerate() == others
    assert worker.alive
    assert worker.end(60)
    assert not worker.alive
    assert seen[0] == (others, True)
    assert not own_threads()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_in_a_forked_child_it_is_over() -> None:
    worker = Worker(lambda: None)
    worker.start()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if not worker.alive and worker.end(0.0) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert worker.end(60)


def test_its_own_cpu_time_is_counted_whether_or_not_a_round_fails() -> None:
    def work() -> None:
        end = time.thread_time() + 0.01
        while time.thread_time() < end:
            pass
        raise ValueError

    worker = Worker(work)
    worker.start()
    assert worker.end(60)
    assert worker.seconds >= 0.01
