"""Orders: the language, and the automaton against Python's own regular expressions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit.protocols import OrderError, compile_order, parse_order
from isolation_audit.protocols.automaton import START

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
        ("(" * 60 + "a" + ")" * 60, "nested more than 50"),
    ],
)
def test_bad_orders_say_where(text, words):
    with pytest.raises(OrderError, match=re.escape(words)):
        parse_order(text)


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


def test_an_order_that_explodes_is_refused():
    with pytest.raises(OrderError, match="states"):
        compile_order("(a|b)* a " + "(a|b) " * 16)
