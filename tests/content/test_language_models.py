"""Conversations with language models, as their interfaces write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit.content.language_models import answered, is_whole, said_and_told

SAID = "Bake it once more."
PARTS = ("Bake it ", "once more.")
TURN = {"role": "assistant", "content": SAID}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["role", "messages", "model", "prompt", "content", "text", "x"]), inner)
    ),
)


@pytest.mark.parametrize(
    "answer",
    [
        {"id": "c1", "model": "m", "choices": [{"index": 0, "message": TURN, "finish_reason": "stop"}]},
        {"id": "m1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": SAID}]},
        {"id": "r1", "output": [{"type": "message", "content": [{"type": "output_text", "text": SAID}]}]},
        {"candidates": [{"content": {"parts": [{"text": SAID}], "role": "model"}}]},
        {"model": "m", "message": TURN, "done": True},
        {"model": "m", "response": SAID, "done": True},
        [{"generated_text": SAID}],
        {"completion": SAID, "stop_reason": "stop_sequence"},
        {"output": {"message": {"role": "assistant", "content": [{"text": SAID}]}}, "usage": {"inputTokens": 3}},
    ],
    ids=["chat", "messages", "responses", "candidates", "message", "response", "generated", "completion", "converse"],
)
def test_answers_in_one_piece(answer: object) -> None:
    body = json.dumps(answer)
    assert answered(body) == [SAID]
    assert is_whole(body)


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ([{"choices": [{"delta": {"content": part}}]} for part in PARTS], "data: [DONE]"),
        (
            [{"type": "content_block_delta", "delta": {"type": "text_delta", "text": part}} for part in PARTS],
            'data: {"type": "message_stop"}',
        ),
        ([{"type": "response.output_text.delta", "delta": part} for part in PARTS], "event: response.completed"),
    ],
    ids=["chat", "messages", "responses"],
)
def test_answers_as_streams_of_events(events: list[object], end: str) -> None:
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    assert answered(body) == [SAID]
    assert not is_whole(body)
    assert is_whole(f"{body}{end}\n\n")
    assert answered(f"{body}{end}\n\n") == [SAID]


def test_answers_as_lines() -> None:
    lines = [{"message": {"role": "assistant", "content": part}, "done": False} for part in PARTS]
    body = "\n".join(map(json.dumps, lines))
    assert answered(body) == [SAID]
    assert not is_whole(body)
    assert is_whole(body + '\n{"done": true}\n')


@pytest.mark.parametrize("body", ["", "no answer", "[1, 2]", '{"balance": 7}', "data: x\n\n", '{"text": 7}', "{"])
def test_what_is_no_answer(body: str) -> None:
    assert answered(body) == []


def test_who_speaks_in_a_prompt() -> None:
    system, user = {"role": "system", "content": "Be kind."}, {"role": "user", "content": "how do I bake"}
    body = json.dumps({"model": "m", "messages": [system, user]})
    assert said_and_told(body) == ([user], [system])
    assert said_and_told(json.dumps({"model": "m", "prompt": "how do I bake"}))[0] == ["how do I bake"]
    assert said_and_told(json.dumps({"events": [{"kind": "said"}]}))[0] == []


@given(JSON)
def test_what_is_no_conversation_has_no_turns(value: object) -> None:
    found, _told = said_and_told(json.dumps(value))
    if type(value) is not dict or not ("role" in json.dumps(value) or "model" in value):
        assert found == []
    assert all(type(one) is str or one["role"] not in ("system", "developer") for one in found)


@given(st.text() | JSON.map(json.dumps))
def test_any_text_may_come(body: str) -> None:
    assert all(type(one) is str for one in answered(body))
    assert is_whole(body) in (True, False)
