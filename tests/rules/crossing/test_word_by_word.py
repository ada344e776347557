"""Words of an answer: which of them are told of, and when."""

from __future__ import annotations

from typing import Any

import pytest

from isolation_audit.model.inputs import ANSWER, Input, Inputs
from isolation_audit.rules.crossing.word_by_word import WordByWord

ANSWER_TEXT = "take the old bridge over the river and turn left"


class Someone:
    def __init__(self, name: str) -> None:
        self.id = name


class Prompt:
    turns = ("which way leads to the mill",)


class Words:
    """Says that a user has said whatever a model was asked with."""

    def own(self, text: str, _user: Any) -> list[str]:
        return [text] if text else []


ALICE, BOB = Someone("alice"), Someone("bob")


def asking(*, prompts: bool = True) -> Inputs:
    body = f'{{"choices": [{{"message": {{"role": "assistant", "content": "{ANSWER_TEXT}"}}}}]}}'
    inputs = Inputs([Input(ANSWER, body)])
    inputs.prompts = [Prompt()] if prompts else []
    return inputs


def sent(words: WordByWord, inputs: Inputs, pieces: list[str], told: Any = "told") -> None:
    for piece in pieces:
        words.to_another(ALICE, BOB, piece, inputs, lambda: told)


@pytest.mark.parametrize("ends", [True, False])
def test_an_answer_is_told_of_once(ends: bool) -> None:
    words, inputs = WordByWord(Words()), asking()
    sent(words, inputs, ANSWER_TEXT.split())
    assert [*words.ended(0.0, {"alice"}, ())] == []
    assert [*words.ended(1e9, {"bob"}, ())] == []  # nobody knows where the sender is answered
    if ends:
        inputs.end()
    assert [*words.ended(1e9, {"alice"}, ())] == ["told"]
    assert [*words.ended(1e9, {"alice"}, ())] == []


@pytest.mark.parametrize(
    ("pieces", "own", "prompts", "told"),
    [
        (ANSWER_TEXT.split()[:4], [], True, "told"),
        (["what", "nobody", "has", "asked", "a", "model", "about", "is", "no", "answer"], [], True, "told"),
        (ANSWER_TEXT.split(), ANSWER_TEXT.split(), True, "told"),
        (ANSWER_TEXT.split(), [], False, "told"),
        (ANSWER_TEXT.split(), [], True, None),
    ],
    ids=["few", "other words", "a room", "the application's question", "a letter"],
)
def test_what_is_not_told_of(pieces: list[str], own: list[str], prompts: bool, told: Any) -> None:
    words, inputs = WordByWord(Words()), asking(prompts=prompts)
    for piece in own:
        words.to_oneself(ALICE, piece)
    sent(words, inputs, pieces, told)
    inputs.end()
    assert [*words.ended(1e9, {"alice"}, ())] == []
