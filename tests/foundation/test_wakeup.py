"""A flag that may be raised from anywhere."""

from __future__ import annotations

import threading

from isolation_audit.foundation.wakeup import Wakeup


def test_it_is_down_at_first_and_taken_down_by_whoever_waits() -> None:
    flag = Wakeup()
    assert not flag.is_set()
    assert not flag.wait(0)
    flag.set()
    flag.set()
    assert flag.is_set()
    assert flag.wait(0)
    assert not flag.wait(0)


def test_another_thread_wakes_the_one_that_waits() -> None:
    flag, woken = Wakeup(), []
    waiting = threading.Thread(target=lambda: woken.append(flag.wait(30)))
    waiting.start()
    flag.set()
    waiting.join()
    assert woken == [True]


def test_many_who_raise_it_at_once_disturb_nobody() -> None:
    flag, faults = Wakeup(), []

    def raise_it() -> None:
        try:
            for _ in range(2_000):
                flag.set()
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=raise_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        flag.wait(0.001)
    assert faults == []
