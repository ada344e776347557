"""Phrases that are nobody's: they stay known, and nothing is searched for them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.config import Config
from isolation_audit.model.inputs import REQUEST, Input, Inputs
from isolation_audit.model.users import User
from isolation_audit.rules.provenance import own_words
from isolation_audit.rules.provenance.own_words import OwnWords

if TYPE_CHECKING:
    from isolation_audit.rules.provenance.phrases import Phrase


ALICE, BOB, CAROL = User("alice"), User("bob"), User("carol")
SAID = "my parcel waits at the harbour"


@pytest.fixture
def words() -> OwnWords:
    nobody = SimpleNamespace(known=lambda _name: None, of=lambda _name: None)
    runtime: Any = SimpleNamespace(content=None, config=Config(), users=nobody, names=nobody)
    runtime.part = lambda made: made(runtime)
    return OwnWords(runtime)


def said(words: OwnWords, user: User, text: str = SAID) -> None:
    inputs = Inputs()
    inputs.receive(Input(REQUEST, text))
    words.learn(inputs, user)
    words.learn(inputs, user)  # nothing new has come in


def of_others(words: OwnWords, text: str, user: User) -> list[Phrase]:
    return words.of_others(text, user)


def test_what_two_users_have_said(words) -> None:
    said(words, ALICE)
    assert len(of_others(words, f"so: {SAID}!", BOB)) == 1
    assert not of_others(words, f"so: {SAID}!", ALICE)
    said(words, BOB)
    assert not of_others(words, SAID, CAROL)
    assert not words.anchors, "nothing is searched for"
    assert not words._by_pair
    said(words, CAROL)
    assert not of_others(words, SAID, ALICE), "whoever says it next has not made it theirs"


def test_what_its_author_has_sent_to_others(words) -> None:
    said(words, ALICE)
    said(words, BOB, "the harbour is closed today")
    words.sent_to_others({"text": SAID}, ALICE)
    assert not of_others(words, SAID, BOB)
    assert len(of_others(words, "the harbour is closed today", ALICE)) == 1
    words.publish(of_others(words, "the harbour is closed today", ALICE))
    assert not words.anchors


@pytest.mark.parametrize(
    "text", [SAID, f'{{"text": "{SAID}"}}', f"müde, {SAID}", f"<p>&quot;{SAID}&quot;</p>", f'{{"a": "\\n{SAID}"}}']
)
def test_plain_and_other_letters_are_cut_alike(words, text) -> None:
    said(words, ALICE)
    assert len(of_others(words, text, BOB)) == 1


@pytest.mark.parametrize("told", [f"sleep(1)\nprint('{SAID}')", f'mutation {{ note(text: "{SAID}") }}'])
def test_what_is_quoted_goes_on_by_itself(words, told) -> None:
    said(words, ALICE, told)
    assert len(of_others(words, f'{{"output": "{SAID}"}}', BOB)) == 1
    said(words, BOB, told)
    assert not of_others(words, SAID, CAROL)


def test_an_apostrophe_is_no_quote(words) -> None:
    said(words, ALICE, "I don't know whether the parcel's at the harbour or in the city's depot")
    assert not of_others(words, "t know whether the parcel", BOB)


def test_a_full_table_lets_the_oldest_go(words, monkeypatch) -> None:
    monkeypatch.setattr(own_words, "_PHRASES", 3)
    texts = [f"parcel {name} waits at the harbour" for name in ("one", "two", "three", "four", "five")]
    for text in texts:
        said(words, ALICE, text)
    assert [len(of_others(words, text, BOB)) for text in texts] == [0, 0, 1, 1, 1]
    assert sum(words.anchors.values()) == 3
