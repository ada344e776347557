"""Functions are read without source, without parsing, and at no request's expense."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import threading
import tokenize
from types import FunctionType

import pytest
from auditing import Audit, config, current_user

from isolation_audit.auditor import Auditor
from isolation_audit.rules.caches import function_reading
from isolation_audit.rules.caches.function_reading import ALLOWANCE, FunctionReading

LINES = 60


def cached(number: int, lines: int = LINES):
    """A cached function of so many lines, like no other one, which makes its result from who is running."""
    body = "".join(f"    if page == {line}:\n        found += {number}\n" for line in range(lines))
    namespace = {"current_user": current_user}
    exec(f"def table(page):\n    found = {number}\n{body}    return [found, current_user.get()]\n", namespace)
    return functools.lru_cache(namespace["table"])


@pytest.fixture
def no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the process reads source, or parses."""

    def refused(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("source was read")

    for module, names in (
        (ast, ("parse", "literal_eval", "walk")),
        (inspect, ("getsource", "getsourcelines", "getblock", "findsource")),
        (linecache, ("getline", "getlines", "updatecache")),
        (tokenize, ("tokenize", "generate_tokens", "open")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, refused)


@pytest.mark.usefixtures("no_source")
def test_a_verdict_takes_no_source(audit: Audit) -> None:
    table = cached(0, lines=3)
    audit.as_user("alice", table, 1)
    audit.as_user("bob", table, 1)
    assert audit.pairs("IA404") == {("alice", "bob")}


@pytest.mark.usefixtures("no_source")
def test_instrumenting_a_plain_and_a_c_written_callable_takes_no_source() -> None:
    from isolation_audit.instrument.signatures import positional_names, signature_of_class

    class Plain:
        pass

    class Child(dict):
        pass

    assert positional_names(dict.get) == ["self", "key", "default"]
    assert positional_names(len) == ["obj"]
    assert positional_names(functools.partial(len)) == []
    assert positional_names(config) == []
    assert positional_names(cached) == ["number", "lines"]
    assert signature_of_class(Plain) == inspect.Signature()
    assert signature_of_class(Child) is None
    assert list(signature_of_class(FunctionReading).parameters) == ["runtime"]


def test_the_application_may_parse_while_functions_are_judged(audit: Audit) -> None:
    text = str({f"k{number}": [number, (number, -number), {"x": [number]}] for number in range(300)})
    tables = [cached(number) for number in range(60)]
    failures: list[BaseException] = []
    done = threading.Event()

    def parse() -> None:
        while not done.is_set():
            try:
                ast.literal_eval(text)
            except SystemError as error:
                failures.append(error)

    def visit(user: str) -> None:
        for table in tables:
            audit.as_user(user, table, 1)

    parser = threading.Thread(target=parse)
    parser.start()
    visit("alice")
    visitors = [threading.Thread(target=visit, args=(user,)) for user in ("bob", "carol", "dave")]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    audit.auditor.settle()
    done.set()
    parser.join()
    assert failures == []
    # Each value was alice's, and was given to three others.
    assert sum(entry.count for entry in audit.auditor.recorder.entries() if entry.finding.rule == "IA404") == 180


def test_a_request_spends_so_many_steps_and_the_rest_waits_for_the_drainer(audit: Audit, monkeypatch) -> None:
    spent = 0
    read = function_reading.flow

    def counted(code, pause=None):
        nonlocal spent
        spent += function_reading.size(code)
        return read(code, pause)

    monkeypatch.setattr(function_reading, "flow", counted)
    long = cached(1, lines=1_000)
    audit.as_user("alice", long, 1)
    audit.as_user("bob", long, 1)
    audit.as_user("carol", long, 1)
    assert spent <= ALLOWANCE
    assert audit.found("IA404") == []

    audit.auditor.settle()
    assert spent > ALLOWANCE, "nobody waits any more"
    (finding,) = audit.found("IA404")
    assert (finding.witnesses.owner, finding.witnesses.ambient) == ("alice", "bob")
    assert finding.site.top.function.endswith("as_user.<locals>.inside"), "where it was handed out, not where judged"
    assert [entry.count for entry in audit.auditor.recorder.entries() if entry.finding.rule == "IA404"] == [2]


def test_what_waits_at_the_end_of_the_audit_is_judged() -> None:
    with Auditor(config()) as auditor:
        audit = Audit(auditor)
        long = cached(2, lines=1_000)
        audit.as_user("alice", long, 1)
        audit.as_user("bob", long, 1)
    assert audit.pairs("IA404") == {("alice", "bob")}
    assert audit.faults == {}


def test_two_threads_may_judge_what_waits(audit: Audit) -> None:
    tables = [cached(number, lines=1_000) for number in range(8)]
    for table in tables:
        audit.as_user("alice", table, 1)
        audit.as_user("bob", table, 1)
    both = [threading.Thread(target=audit.auditor.settle) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert audit.auditor.recorder.counts["IA404"] == len(tables)


def test_the_allowance_is_that_of_all_requests_between_two_looks(audit: Audit) -> None:
    tables = [cached(number, lines=100) for number in range(40)]
    for table in tables:
        audit.as_user("alice", table, 1)
        audit.as_user("bob", table, 1)
    told = sum(audit.auditor.recorder.counts.values())
    assert 0 < told < len(tables), "some at once, the others later"
    audit.auditor.settle()
    assert audit.auditor.recorder.counts["IA404"] == len(tables)


def test_what_waits_is_bounded_and_what_is_dropped_is_counted(audit: Audit, monkeypatch) -> None:
    monkeypatch.setattr(function_reading, "_WAITING", 3)
    long = cached(3, lines=1_000)
    audit.as_user("alice", long, 1)
    for number in range(5):
        audit.as_user(f"bob{number}", long, 1)
    assert audit.auditor.runtime.tally.entries_evicted == 2
    audit.auditor.settle()
    assert audit.auditor.recorder.counts["IA404"] == 3


def test_code_that_cannot_be_read_is_nobodys() -> None:
    def plain():
        return current_user.get()

    # 255 is no operation that the compiler makes.
    broken = FunctionType(plain.__code__.replace(co_code=b"\xff\x00" * 8), {})
    assert FunctionReading().flow(broken.__code__) is None
