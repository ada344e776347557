"""Which phrases stand in a text: whole, anywhere, and in whatever form the text is written."""

from __future__ import annotations

import json
from html import escape

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from isolation_audit.model.users import User
from isolation_audit.rules.provenance.phrases import marks_in, phrases_in
from isolation_audit.rules.provenance.standing import begun, holds

ALICE = User("alice")
SAID = "my parcel waits at the harbour"

words = st.lists(st.text("abcdefghäöß", min_size=4, max_size=9), min_size=3, max_size=9)
around = st.text("abcdefgh ,", max_size=30)


@settings(max_examples=50)
@given(words, around, around)
def test_a_phrase_is_found_wherever_it_stands(said, before, behind) -> None:
    text = " ".join(said)
    phrases = [*phrases_in(text, ALICE)]
    assume(phrases)
    digests = {one.digest for one in phrases}
    whole = f"{before}, {text}. {behind}"
    for written in (whole, whole.upper() if whole.isascii() else whole, json.dumps({"x": whole}), escape(whole)):
        assert holds(written, phrases) == digests
        assert begun(written, phrases) == digests


@settings(max_examples=50)
@given(words, st.integers(0, 8))
def test_with_a_word_left_out_it_is_another_one(said, place) -> None:
    assume(len(set(said)) == len(said))
    phrases = [*phrases_in(" ".join(said), ALICE)]
    left = said[: place % len(said)] + said[place % len(said) + 1 :]
    assert holds(" ".join(left), phrases) == set()


def test_of_a_part_it_is_said_that_it_has_begun() -> None:
    phrases = [*phrases_in(SAID, ALICE)]
    assert begun("at the harbour, I think", phrases) == begun(SAID, phrases) != set()
    assert begun("the harbour at night", phrases) == begun(SAID, phrases)
    assert begun("your parcel is there", phrases) == set()
    assert begun(SAID, []) == set()


def test_a_number_of_one_word_stands_alone_and_not_in_a_longer_one() -> None:
    (number,) = marks_in("it is 48213377, I am sure", ALICE)
    assert holds("48213377", [number]) == holds("no 48213377 here", [number]) == {number.digest}
    assert holds("148213377", [number]) == set()


def test_a_phrase_that_begins_before_the_text_does() -> None:
    phrases = [*phrases_in(SAID, ALICE)]
    assert holds("harbour", phrases) == holds("the harbour", phrases) == holds("", phrases) == set()
