"""All objects are looked at without holding a tuple that the application is filling at that moment."""

from __future__ import annotations

import threading
from collections import Counter

from isolation_audit.instrument.heap.kinds import kinds_of_all

LOOKS = 400


class Engine:
    """The application's."""


def test_what_is_counted_is_there() -> None:
    engines = [Engine() for _ in range(7)]
    assert Counter(kinds_of_all())[Engine] == len(engines)


def test_the_application_may_fill_tuples_meanwhile() -> None:
    """CPython raises SystemError where somebody else holds such a tuple at its end."""
    over = threading.Event()
    failed: list[BaseException] = []
    filled = 0

    def fill() -> None:
        nonlocal filled
        while not over.is_set():
            try:
                filled += len(tuple([number] for number in range(300)))
            except SystemError as error:
                failed.append(error)

    thread = threading.Thread(target=fill)
    thread.start()
    for _ in range(LOOKS):
        kinds_of_all()
    over.set()
    thread.join()
    assert filled
    assert failed == []
