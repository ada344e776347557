"""The bindings that processes share, alone: what a store that is down leaves behind."""

from __future__ import annotations

from typing import Any

from isolation_audit.model.bindings import Bindings
from isolation_audit.model.pseudonyms import Pseudonyms
from isolation_audit.model.shared_bindings import _ON_THEIR_WAY, ECHO, SharedBindings
from isolation_audit.model.users import Users


class Down:
    """A store that takes everything, and from which nothing comes back."""

    counts: dict[str, int] = {}

    def start(self) -> None:
        pass

    def tell(self, _news: Any) -> None:
        pass

    def close(self) -> None:
        pass


def test_what_never_comes_back_from_a_store_is_let_go() -> None:
    users, bindings, now = Users(), Bindings(["run_id"]), [0.0]
    bindings.clock = lambda: now[0]
    shared = SharedBindings(users, bindings, Pseudonyms(), lambda _shared: Down(), lambda *_told: None)
    shared.start()
    alice = users.token("alice")
    assert alice is not None
    for number in range(1_000):
        now[0] += ECHO / 10
        bindings.learn("run_id", f"run-{number}", alice)
    assert len(shared._on_their_way) < 20
    assert bindings.user_of("run_id", "run-0") is alice


def test_of_a_store_that_is_down_some_are_waited_for() -> None:
    bindings = Bindings(["run_id", "thread_id"])
    shared = SharedBindings(users := Users(), bindings, Pseudonyms(), lambda _shared: Down(), lambda *_told: None)
    shared.start()
    alice = users.token("alice")
    assert alice is not None
    for number in range(_ON_THEIR_WAY + 1_000):
        bindings.learn(("run_id", "thread_id")[number % 2], f"id-{number}", alice)
    assert len(shared._on_their_way) <= _ON_THEIR_WAY
    names = [shared._name(kind, f"id-{number}") for number, kind in ((8, "run_id"), (9, "thread_id"))]
    assert [shared._told(name) for name in names] == [("run_id", "id-8"), ("thread_id", "id-9")]
    assert shared._told("0" * 32) is None
