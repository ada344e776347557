"""What pieces of a stream say together."""

from __future__ import annotations

import json

import pytest

from isolation_audit.content.pieces import joined, without

TEXT = "look at the moon before it goes down"
WORDS = TEXT.split()


@pytest.mark.parametrize(
    "messages",
    [
        WORDS,
        [f"{word} " for word in WORDS],
        [f"data: {json.dumps(word + ' ')}\n\n".encode() for word in WORDS],
        [json.dumps({"type": "token", "token": word}) for word in WORDS],
        [json.dumps({"choices": [{"delta": {"content": f" {word}"}}]}) for word in WORDS],
        [{"event": "token", "data": {"text": word}} for word in WORDS],
        ["lo", "ok at", " the mo", "on be", "fore it", " goes", " down"],
    ],
    ids=["words", "with spaces", "events", "objects", "of a model", "plain data", "parts of words"],
)
def test_joined(messages) -> None:
    assert [one.strip() for one in joined(messages)] == [TEXT]


@pytest.mark.parametrize(
    "messages", [WORDS[:3], ["tick"] * 20, [5] * 20, ["{"] * 20, [b"\xff\xfe"] * 20, ["x" * 60] * 9]
)
def test_what_says_nothing_together(messages) -> None:
    assert joined(messages) == []


def test_without_what_was_mixed_in() -> None:
    hers, his = "call the lawyer before noon on Monday", "beat the eggs until they are white"
    mixed = " ".join(word for pair in zip(hers.split(), his.split(), strict=True) for word in pair)
    assert without(mixed, [his]) == hers
    assert without(hers, [his, "another answer"]) == "call lawyer before noon on Monday"
    assert without(hers, []) == hers
