"""Orders: the language, and the automaton against Python's own regular expressions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit.analysis.orders import OrderError, compile_order, parse_order
from isolation_audit.analysis.orders.automaton import START, WORK, _Fragments
from isolation_audit.analysis.orders.grammar import Pair

AGENT_RUN = "agent_started (agent_thinking | tool_executing tool_completed)* agent_completed"


def test_the_order_of_an_agents_run():
    automaton = compile_order(AGENT_RUN)
    assert automaton.accepts(["agent_started", "agent_completed"])
    assert automaton.accepts(["agent_started", "tool_executing", "tool_completed", "agent_thinking", "agent_completed"])
    assert not automaton.accepts(["agent_started"])
    assert not automaton.accepts(["agent_started", "tool_executing", "agent_completed"])
    assert not automaton.accepts(["agent_thinking", "agent_completed"])
    assert automaton.events == set(AGENT_RUN.replace("(", "").replace(")*", "").replace("|", "").split())
    assert automaton.final == automaton.accepting
    assert automaton.pairs == {"tool_executing": "tool_completed"}


def test_what_is_missing_is_named():
    automaton = compile_order(AGENT_RUN)
    assert automaton.missing_before(START, "agent_thinking") == ("agent_started",)
    executing = automaton.steps[automaton.steps[START]["agent_started"]]["tool_executing"]
    assert automaton.missing_before(executing, "agent_completed") == ("tool_completed",)
    assert automaton.missing_before(next(iter(automaton.final)), "agent_thinking") is None
    assert automaton.missing_at_end(executing) == ("tool_completed", "agent_completed")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "column 1: an event"),
        ("a |", "column 4: an event"),
        ("(a b", "column 1: this ( is never closed"),
        ("a b)", "column 4: ')' closes nothing"),
        ("a ? | *", "column 7: an event"),
        ("a, b", "column 2: ','"),
        ("a  %", "column 4: '%'"),
        ("a ... ", "column 6: an event that closes a is expected"),
        ("a ... (b c)", "column 10: only events, with | between them, close a"),
        ("a ... (b", "column 9: only events"),
        ("a ... b*", "column 8: put the pair in parentheses: (a ... b)*"),
        ("a ... b ... c", "column 9: put the pair in parentheses"),
        ("... b", "column 1: an event or ( is expected"),
        ("(a b) ... c", "column 7: ... stands between two events"),
        ("a ... a", "column 7: a closes a here and opens a pair at column 1"),
        ("(a ... b)* b", "column 12: b stands alone here and closes a at column 8"),
        ("a (a ... b)*", "column 4: a opens a pair here and stands alone at column 1"),
        ("(a ... b | c ... b)*", "column 18: b closes c here and closes a at column 8"),
        ("(" * 60 + "a" + ")" * 60, "nested more than 50"),
    ],
)
def test_bad_orders_say_where(text, words):
    with pytest.raises(OrderError, match=re.escape(words)):
        parse_order(text)


def test_dots_in_names_and_between_events():
    assert parse_order("a.b a..c") == parse_order(" a.b  a..c ")
    assert parse_order("a...b") == parse_order("a ... b")
    assert parse_order("a.b...(c.d|e)") == Pair("a.b", ("c.d", "e"))


def test_pairs_that_overlap_have_their_closers_anywhere():
    automaton = compile_order("s (t | o ... (c | d))* e")
    assert automaton.closers == {"c": "o", "d": "o"}
    assert automaton.openers == {"o": ("c", "d")}
    assert automaton.events == set("stocde")
    assert automaton.pairs == {}
    assert automaton.missing_at_end(START) == ("s", "e")
    assert compile_order("o ... c e").pairs == {}


letters = st.sampled_from("abc")
orders = st.recursive(
    letters,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" ".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} | {pair[1]})"),
        st.tuples(inner, st.sampled_from("*+?")).map(lambda pair: f"({pair[0]}){pair[1]}"),
    ),
    max_leaves=8,
)


@given(orders, st.lists(letters, max_size=8))
def test_accepts_what_a_regular_expression_accepts(order, events):
    expected = re.fullmatch(order.replace(" ", ""), "".join(events)) is not None
    assert compile_order(order).accepts(events) == expected


@given(orders)
def test_the_shortest_way_to_the_end_is_a_way(order):
    automaton = compile_order(order)
    assert automaton.accepts(list(automaton.missing_at_end(START)))


overlapping = compile_order("s (a | o ... c)* e")


@given(st.one_of(st.text("saoce", max_size=10), st.text("aoc", max_size=10).map("s{}e".format)))
def test_pairs_that_overlap_accept_what_their_definition_says(events):
    """Without closers it is in order; every closer has an opener before it; all are closed before the last event."""
    depths = [events[:end].count("o") - events[:end].count("c") for end in range(len(events) + 1)]
    in_order = re.fullmatch("s[ao]*e", events.replace("c", "")) is not None
    expected = in_order and min(depths) >= 0 and depths[-1] == 0 and events.endswith("e")
    assert overlapping.accepts(list(events)) == expected


def test_an_order_that_explodes_is_refused():
    with pytest.raises(OrderError, match="states"):
        compile_order("(a|b)* a " + "(a|b) " * 16)


def test_a_long_order_is_compiled():
    """400 steps, each with two choices and free to be left out: 80,000 ways on."""
    automaton = compile_order(" ".join(f"(a{number} | b{number})?" for number in range(400)) + " end")
    assert automaton.accepts(["a3", "b200", "a399", "end"])
    assert not automaton.accepts(["b200", "a3", "end"])
    assert sum(map(len, automaton.steps)) > 160_000
    assert automaton.pairs == {}


def test_an_order_that_takes_too_much_work_is_refused_early(monkeypatch):
    spent = []
    spend = _Fragments._spend
    monkeypatch.setattr(_Fragments, "_spend", lambda self, steps: (spent.append(steps), spend(self, steps)))
    with pytest.raises(OrderError, match="say it more simply"):
        compile_order("(" + " ".join(f"(a{number} | b{number} | c{number})*" for number in range(300)) + ")* end")
    assert sum(spent) < 2 * WORK


def test_an_order_is_compiled_once():
    assert compile_order(AGENT_RUN) is compile_order(AGENT_RUN)
