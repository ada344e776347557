"""Whether a listener takes whatever it is given, or tells whose it is: read from its code, and never called."""

from __future__ import annotations

import collections
import functools
import logging
from typing import Any

import pytest

from isolation_audit.rules.listeners.selectivity import Selectivity, fields_of

LOG = logging.getLogger(__name__)
kept: list[Any] = []
by_user: dict[str, Any] = {}


class Inbox:
    def __init__(self) -> None:
        self.items: list[Any] = []
        self.latest: Any = None
        self.user = "alice"

    def take(self, event: Any) -> None:
        self.items.append(event)

    def keep_the_latest(self, event: Any) -> None:
        self.latest = event

    def pass_on(self, event: Any) -> None:
        self.take({"event": event})

    def log_and_take(self, event: Any) -> None:
        LOG.info("got %s", event)
        self.items.append(event)

    def ask_whose(self, event: Any) -> None:
        if event["user"] == self.user:
            self.items.append(event)

    def ask_further_down(self, event: Any) -> None:
        self.ask_whose(event)

    def by_user(self, event: Any) -> None:
        by_user[event["user"]] = event

    def keep_nothing(self, event: Any) -> None:
        LOG.info("got %s", event)

    def keep_something_else(self, _event: Any) -> None:
        self.items.append("an event")

    def unknown(self, event: Any) -> None:
        event.deliver(self)


def append(event: Any) -> None:
    kept.append(event)


def with_a_name(name: str, event: Any) -> None:
    kept.append((name, event))


def for_one(event: Any, user: str) -> None:
    if event["user"] == user:
        kept.append(event)


def takes_by_keyword(*, event: Any, name: str) -> None:
    kept.append((name, event))


inbox = Inbox()

TAKE_ALL = {
    "a list's own": kept.append,
    "a deque's own": collections.deque().append,
    "a set's own": set().add,
    "a function": append,
    "a lambda": lambda event: kept.append(event),
    "a lambda with a default": lambda event, box=kept: box.append(event),
    "a method": inbox.take,
    "an attribute": inbox.keep_the_latest,
    "through another method": inbox.pass_on,
    "with a line in the log": inbox.log_and_take,
    "a partial": functools.partial(with_a_name, "alice"),
    "a partial by keyword": functools.partial(takes_by_keyword, name="alice"),
}


@pytest.mark.parametrize("way", TAKE_ALL)
def test_what_takes_whatever_it_is_given(way) -> None:
    before = len(kept), len(inbox.items)
    assert Selectivity().takes(TAKE_ALL[way])
    assert (len(kept), len(inbox.items)) == before, "it is not called"


CHOOSE = {
    "a comparison": inbox.ask_whose,
    "one further down": inbox.ask_further_down,
    "a place for each": inbox.by_user,
    "nothing is kept": inbox.keep_nothing,
    "something else is kept": inbox.keep_something_else,
    "what can't be known": inbox.unknown,
    "a comparison with what it was made for": functools.partial(for_one, user="alice"),
    "a dict's own": {}.update,
    "another method of a list": kept.remove,
    "a built-in": print,
    "a class": Inbox,
    "an object": inbox,
    "nobody": None,
}


@pytest.mark.parametrize("way", CHOOSE)
def test_what_may_choose_or_keeps_nothing(way) -> None:
    assert not Selectivity().takes(CHOOSE[way])


def test_a_function_that_may_choose_is_read_once(monkeypatch) -> None:
    selectivity = Selectivity()
    assert not selectivity.takes(inbox.ask_whose)
    monkeypatch.setattr(selectivity._reading, "flow", lambda _code: 1 / 0)
    assert not selectivity.takes(inbox.ask_whose)


class Proxy:
    @property
    def __dict__(self) -> Any:
        raise AssertionError


class Slots:
    __slots__ = ("user",)


def test_fields_are_read_where_the_interpreter_keeps_them() -> None:
    assert fields_of(inbox)["user"] == "alice"
    for one in (Proxy(), Slots(), 7, None):
        assert fields_of(one) == {}
