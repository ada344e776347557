"""The recorder: each defect once, every occurrence counted, nothing without a bound, from any number of threads."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from isolation_audit.config import Limits, Select
from isolation_audit.model.findings import PAIRS_SHOWN, Finding, Frame, Site, Witnesses
from isolation_audit.model.rules import Severity
from isolation_audit.model.scopes import Scope
from isolation_audit.recording.recorder import AFFECTED, ALL_PAIRS, PAIRS, WAITING, Recorder


def finding(rule: str = "IA202", target: str = "app:Emitter", **more: Any) -> Finding:
    return Finding(rule, Severity.ERROR, more.pop("message", "words"), "help", target, **more)


def test_one_defect_is_one_entry_with_its_count() -> None:
    recorder = Recorder(Limits(), Select())
    for user in ("alice", "bob"):
        recorder.record(finding(witnesses=Witnesses(ambient=user), message=user))
    (entry,) = recorder.entries()
    assert (entry.count, entry.finding.message) == (2, "alice")
    assert entry.first_seen <= entry.last_seen
    assert recorder.counts == {"IA202": 2}
    assert list(recorder.new) == [entry]
    assert recorder.wake.is_set()


def test_what_makes_two_defects_two() -> None:
    def at(file: str, line: int, function: str) -> Site:
        return Site((Frame(file, line, function),))

    same = [finding(site=at("/a/pkg/x.py", line, "f")) for line in (1, 2)] + [finding(site=at("/b/pkg/x.py", 3, "f"))]
    others = [
        finding(),
        finding("IA201"),
        finding(target="app:Other"),
        finding(event="answer"),
        finding(site=at("/a/pkg/x.py", 1, "g")),
        finding(site=at("/a/other/x.py", 1, "f")),
        finding(origin=at("/a/pkg/x.py", 1, "f")),
        finding(route="/a"),
        finding(route="/b"),
        finding(route="/a", method="GET"),
        finding(field="$.items[0].owner"),
    ]
    items = [finding(field=f"$.items[{number}].owner") for number in range(3)]
    assert len({one.fingerprint for one in items}) == len({one.fingerprint for one in same}) == 1
    assert len({one.fingerprint for one in [*same, *others]}) == 1 + len(others)
    assert all(len(one.fingerprint) == 16 for one in others)


def test_a_shortcut_counts_without_describing_again() -> None:
    recorder = Recorder(Limits(), Select())
    assert not recorder.again("place", Witnesses())
    recorder.record(finding(), "place")
    assert recorder.again("place", Witnesses())
    assert recorder.entries()[0].count == recorder.counts["IA202"] == 2


def test_the_users_who_met_are_counted_by_pairs() -> None:
    recorder = Recorder(Limits(), Select())
    recorder.record(finding(witnesses=Witnesses(ambient="a", addressee="b")), "place")
    recorder.again("place", Witnesses(ambient="a", addressee="b"))
    recorder.again("place", Witnesses(ambient="b", owner="b", content="a"))
    recorder.again("place", Witnesses(ambient="b", owner="b"))
    found = recorder.entries()[0].as_dict()
    assert (found["count"], found["pairs_total"]) == (4, 2)
    assert [tuple(pair.values()) for pair in found["pairs"]] == [("a", "b", 2), ("b", "a", 1)]


def test_pairs_are_bounded() -> None:
    recorder = Recorder(Limits(), Select())
    recorder.record(finding(), "place")
    assert "pairs" not in recorder.entries()[0].as_dict()
    for number in range(PAIRS + 5):
        recorder.again("place", Witnesses(owner="a", content=f"user-{number}"))
    entry = recorder.entries()[0]
    assert (len(entry.pairs), entry.pairs_dropped) == (PAIRS, 5)
    assert (len(entry.as_dict()["pairs"]), entry.as_dict()["pairs_total"]) == (PAIRS_SHOWN, PAIRS)


def test_pairs_of_all_findings_together_are_bounded() -> None:
    recorder = Recorder(Limits(), Select())
    several = ALL_PAIRS // PAIRS + 3
    for number in range(several):
        for other in range(PAIRS):
            met = Witnesses(ambient="alice", content=f"user-{other}")
            recorder.record(finding(target=f"app:Emitter{number}", witnesses=met))
    entries = recorder.entries()
    assert sum(len(entry.pairs) for entry in entries) == ALL_PAIRS
    assert sum(entry.pairs_dropped for entry in entries) == (several * PAIRS) - ALL_PAIRS
    assert all(entry.count == PAIRS for entry in entries)


def test_scopes_that_no_way_out_takes_are_not_kept() -> None:
    recorder = Recorder(Limits(), Select())
    recorder.scope_ended(Scope("alice"))
    recorder.takes_scopes = False
    recorder.scope_ended(Scope("alice"))
    assert (len(recorder.scopes), recorder.scopes_dropped) == (1, 0)


def test_beyond_the_limit_is_counted_as_dropped() -> None:
    recorder = Recorder(Limits(findings=3, scopes=2), Select())
    for number in range(10):
        recorder.record(finding(target=f"app:{number}"), number)
    assert (len(recorder.entries()), recorder.dropped, recorder.counts["IA202"]) == (3, 7, 10)
    recorder.record(finding(target="app:0"))
    assert (recorder.entries()[0].count, recorder.dropped) == (2, 7)
    for _ in range(5):
        recorder.scope_ended(Scope("alice"))
    assert (len(recorder.scopes), recorder.scopes_dropped) == (2, 3)


def test_shortcuts_are_bounded_too() -> None:
    recorder = Recorder(Limits(findings=2), Select())
    for number in range(100):
        recorder.record(finding(), number)
    assert sum(recorder.again(number, Witnesses()) is not None for number in range(100)) == 8
    assert recorder.entries()[0].count == 108


@pytest.mark.parametrize(
    ("select", "rules"),
    [
        (Select(), {"IA201", "IA202", "IA901"}),
        (Select(enable=("IA2*",)), {"IA201", "IA202"}),
        (Select(disable=("IA201", "IA9*")), {"IA202"}),
        (Select(enable=("IA201",), disable=("*",)), set()),
    ],
)
def test_selection(select: Select, rules: set[str]) -> None:
    recorder = Recorder(Limits(), select)
    for rule in ("IA201", "IA202", "IA901"):
        recorder.record(finding(rule))
    assert {entry.finding.rule for entry in recorder.entries()} == rules == set(recorder.counts)


def test_severities_of_a_teams_own_the_last_match_wins() -> None:
    chosen = (("IA2*", Severity.NOTE), ("IA202", Severity.WARNING))
    recorder = Recorder(Limits(), Select(severity=chosen))
    for rule in ("IA201", "IA202", "IA101"):
        recorder.record(finding(rule))
    assert [entry.as_dict()["severity"] for entry in recorder.entries()] == ["note", "warning", "error"]


def test_many_threads_lose_nothing() -> None:
    recorder = Recorder(Limits(findings=20), Select())
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for number in range(2_000):
            if not recorder.again(number % 40, Witnesses()):
                recorder.record(finding(target=f"app:{number % 40}"), number % 40)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.counts["IA202"] == 8 * 2_000
    assert sum(entry.count for entry in recorder.entries()) + recorder.dropped == 8 * 2_000
    assert len(recorder.entries()) == len(recorder.new) == 20


def test_entries_are_there_for_a_signal_handler_that_came_while_one_was_recorded() -> None:
    recorder = Recorder(Limits(), Select())
    recorder.record(finding())
    with recorder._lock:
        assert len(recorder.entries()) == 1


@pytest.mark.parametrize(
    ("witnesses", "direction"),
    [
        (Witnesses(ambient="a", addressee="b"), ("a", "b")),  # a's event was sent to b
        (Witnesses(ambient="b", owner="a"), ("a", "b")),  # a's object was used by b's work
        (Witnesses(ambient="b", content="a"), ("a", "b")),  # a's data left in b's response
        (Witnesses(ambient="b", owner="b", addressee="b", content="a"), ("a", "b")),
        (Witnesses(ambient="a", owner="a", addressee="b", content="a"), ("a", "b")),
        (Witnesses(ambient="a"), None),
        (Witnesses(ambient="a", owner="a", addressee="a"), None),
        (Witnesses(owner="a"), None),
        (Witnesses(), None),
    ],
)
def test_whose_it_is_and_whom_it_met(witnesses: Witnesses, direction: tuple[str, str] | None) -> None:
    assert witnesses.direction() == direction


def test_users_affected_by_errors_are_counted_each_once_and_are_bounded() -> None:
    recorder = Recorder(Limits(), Select(severity=(("IA209", Severity.NOTE),)))
    recorder.record(finding("IA209", witnesses=Witnesses(ambient="c", content="d")))
    recorder.record(finding(witnesses=Witnesses(ambient="a", addressee="b")), "place")
    for _ in range(3):
        recorder.again("place", Witnesses(ambient="a", addressee="e"))
    assert (recorder.senders, recorder.receivers) == ({"a"}, {"b", "e"})
    for number in range(AFFECTED + 10):
        recorder.again("place", Witnesses(ambient=f"user-{number}", addressee="b"))
    assert (len(recorder.senders), len(recorder.receivers)) == (AFFECTED, 2)


def test_the_ways_out_are_fed_before_many_scopes_wait() -> None:
    recorder = Recorder(Limits(), Select())
    for _ in range(WAITING - 1):
        recorder.scope_ended(Scope("alice"))
    assert not recorder.wake.wait(0)
    recorder.scope_ended(Scope("alice"))
    assert recorder.wake.wait(0)
