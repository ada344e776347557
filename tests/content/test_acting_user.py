"""For whom a request is made, as its parameters say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from isolation_audit.content import request_texts
from isolation_audit.content.acting_user import NAMES, ActingUser
from isolation_audit.model.inputs import REQUEST, Input, Inputs


def inputs(method="GET", query="", body: Any = None, path: dict[str, Any] | None = None, *, lasting=False) -> Inputs:
    scope = {"method": method, "path": "/", "query_string": query.encode(), "headers": [], "path_params": path or {}}
    kept = [Input(REQUEST, scope, texts=request_texts.of_asgi)]
    if body is not None:
        kept.append(Input(REQUEST, body if type(body) in (str, bytes) else json.dumps(body)))
    return Inputs(kept, lasting=lasting)


def named(came_in: Inputs, *, presents=False, known=()) -> str | None:
    found = ActingUser().find(came_in, presents=lambda: presents, known=lambda _place, name: name in known)
    return None if found is None else ", ".join(one.id for one in found[1])


@pytest.mark.parametrize(
    "body",
    [
        {"user_id": "alice", "message": "hello"},
        {"userId": "alice", "prompt": "hello"},
        {"USER_ID": "alice", "session_id": "s-1"},
        {"config": {"configurable": {"user_id": "alice", "thread_id": "t-1"}}, "input": {"messages": []}},
        {"user": {"id": "alice"}, "q": "hello"},
        {"jsonrpc": "2.0", "params": {"message": {"metadata": {"user_id": "alice"}, "text": "hello"}}},
        "user_id=alice&message=hello",
        b'{"sender": "alice", "text": "hello"}',
    ],
)
@pytest.mark.parametrize("presents", [False, True])
def test_a_body_that_talks_names_its_user(body, presents):
    assert named(inputs("POST", body=body), presents=presents) == "alice"


def test_a_form_that_a_framework_has_parsed_is_read():
    class Form(dict):
        pass

    came_in = inputs("POST")
    came_in.receive(Input(REQUEST, Form(user_id=["alice"], message=["hello"]), texts=request_texts.of_message))
    request_texts.of_client(request_texts.of_message)
    assert named(came_in) == "alice"


def test_what_changes_something_is_its_user_s_unless_it_comes_with_credentials():
    """An administrator who is logged in may post anybody's id."""
    order = inputs("POST", body={"user_id": "alice", "amount": 3})
    assert named(order) == "alice"
    assert named(order, presents=True) is None
    assert named(order, presents=True, known={"alice"}) == "alice"


@pytest.mark.parametrize(
    ("query", "user"), [("user=alice&q=hello", "alice"), ("user=alice", None), ("user=alice&page=2", None)]
)
def test_a_query_counts_beside_a_question(query, user):
    """``?user=alice`` alone may be a filter."""
    assert named(inputs(query=query)) == user


def test_who_was_named_before_is_named_by_a_query_and_a_path():
    assert named(inputs(query="user_id=alice"), known={"alice"}) == "alice"
    assert named(inputs(path={"user_id": "alice"}), known={"alice"}) == "alice"
    assert named(inputs(path={"user_id": "alice"})) is None  # whose page is shown
    assert named(inputs(path={"owner": "alice"}), known={"alice"}) is None


@pytest.mark.parametrize(
    "where", [{"query": "user_id=alice"}, {"path": {"username": "alice"}}, {"path": {"client_id": "alice"}}]
)
def test_who_opens_a_connection_says_so(where):
    assert named(inputs(**where, lasting=True)) == "alice"


@pytest.mark.parametrize(
    "body",
    [
        {"username": "alice", "password": "secret"},
        {"messages": [{"user": "alice", "text": "hi"}, {"user": "bob", "text": "ho"}]},
        {"message": "hi", "mentions": [{"user_id": "bob"}]},
        {"message": "hi", "recipient": {"user_id": "bob"}},
        {"message": "hi", "target_user_id": "bob"},
        {"message": "hi", "user_id": "anonymous"},
        {"message": "hi", "user_id": None},
        {"message": "hi", "user_id": ["alice", "bob"]},
        "a plain text = of nothing",
        b"\xff\xfe",
        "{" * 100,
    ],
)
def test_others_and_nobody_are_not_taken_for_its_user(body):
    assert named(inputs("POST", body=body)) is None


def test_all_who_are_named_at_one_place_are_told():
    assert named(inputs("POST", body="user_id=alice&user_id=bob&message=hi")) == "alice, bob"


def test_names_have_ranks_and_nothing_is_read_twice():
    came_in = inputs("POST", body={"user": "Alice L.", "user_id": "7", "message": "hi"})
    one = ActingUser()
    found = one.find(came_in, presents=lambda: False, known=lambda _place, _name: False)
    assert (found[0], [name.id for name in found[1]]) == (NAMES.index("user_id"), ["7"])
    assert one.find(came_in, presents=lambda: False, known=lambda _place, _name: False) is None
    came_in.receive(Input(REQUEST, '{"user_id": "8"}'))
    again = one.find(came_in, presents=lambda: False, known=lambda _place, _name: False)
    assert [name.id for name in again[1]] == ["7", "8"]


def test_long_names_and_bodies_are_passed_by():
    assert named(inputs("POST", body={"user_id" + "x" * 100: "alice", "message": "hi"})) is None
    assert named(inputs("POST", body={"user_id": "alice", "message": "x" * 20_000})) is None
