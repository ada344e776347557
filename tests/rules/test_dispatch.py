"""Who hears of which observation; and what a monitor that fails takes with it: nothing."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from auditing import config

from isolation_audit.auditor import Auditor
from isolation_audit.rules import all_monitors
from isolation_audit.rules import dispatch as module
from isolation_audit.rules.base import Monitor, observes


@dataclass
class Seen:
    number: int


@dataclass
class Unheard:
    number: int


class First(Monitor):
    """Keeps what it hears."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.heard: list[int] = []

    @observes(Seen)
    def on_seen(self, seen: Seen) -> None:
        self.heard.append(seen.number)


class Second(First):
    """Hears the same after it, as its own handler says."""

    @observes(Seen)
    def on_seen_too(self, seen: Seen) -> None:
        self.heard.append(-seen.number)


class Failing(Monitor):
    @observes(Seen)
    def on_seen(self, seen: Seen) -> None:
        raise ZeroDivisionError(seen.number)


class NeverMade(Monitor):
    def __init__(self, *_arguments) -> None:
        raise ZeroDivisionError

    @observes(Seen)
    def on_seen(self, seen: Seen) -> None:
        raise AssertionError(seen)


class Listening(Monitor):
    hears = (("ASpeciesOfCache", "ours:Listener"),)


class ListeningToo(Monitor):
    hears = (("ASpeciesOfCache", "theirs:Listener"),)


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch):
    """An audit with these monitors beside ours."""
    running, ours = [], all_monitors()

    def start(*kinds: type[Monitor]) -> Auditor:
        monkeypatch.setattr(module, "all_monitors", lambda: (*ours, *kinds))
        auditor = Auditor(config())
        auditor.start()
        running.append(auditor)
        return auditor

    yield start
    for auditor in running:
        auditor.stop()


def heard(auditor: Auditor) -> list[list[int]]:
    return [one.heard for one in auditor.dispatch.monitors if isinstance(one, First)]


def test_all_who_have_subscribed_hear_in_their_order(audited) -> None:
    auditor = audited(First, Second)
    auditor.runtime.publish(Seen(1))
    auditor.runtime.publish(Seen(2))
    auditor.runtime.publish(Unheard(3))
    assert heard(auditor) == [[1, 2], [-1, -2]]


def test_one_that_fails_takes_nothing_from_the_others_and_is_told_no_more(audited) -> None:
    auditor = audited(First, Failing, Second)
    for number in range(200):
        auditor.runtime.publish(Seen(number))
    assert [len(one) for one in heard(auditor)] == [200, 200]
    counts = auditor.runtime.barrier.counts
    assert set(counts) == {"monitor Failing"}
    assert counts["monitor Failing"] < 200
    assert len(auditor.dispatch.handlers[Seen]) == 2


def test_one_that_can_not_be_made_is_counted(audited) -> None:
    auditor = audited(NeverMade, First)
    auditor.runtime.publish(Seen(1))
    assert heard(auditor) == [[1]]
    assert auditor.runtime.barrier.counts == {"monitor NeverMade": 1}


def test_of_two_who_listen_to_the_same_the_second_is_told(audited) -> None:
    auditor = audited(Listening, ListeningToo)
    assert auditor.runtime.listeners["ASpeciesOfCache"] == "ours:Listener"
    assert auditor.runtime.barrier.counts == {"monitor ListeningToo": 1}
