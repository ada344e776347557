"""Words that a user's request brought in: what of it is remembered as theirs."""

from __future__ import annotations

import pytest
from saying import ALICE, BOB, FOUND, WORDS, say


def test_words_of_a_query(audit, site) -> None:
    site.ask(ALICE, "/ask?text=my+card+ends+in%204242")
    assert WORDS in site.ask(BOB, "/record")
    assert audit.found() == [FOUND]


def test_words_of_a_form(audit, site) -> None:
    kind = "application/x-www-form-urlencoded"
    site.ask(ALICE, "/form", b"text=my+card+ends+in+4242", content_type=kind)
    assert WORDS in site.ask(BOB, "/record")
    assert audit.found() == [FOUND]


def test_words_that_two_users_have_said(audit, site) -> None:
    say(site, ALICE, WORDS)
    say(site, "carol.kane", WORDS)
    assert WORDS in site.ask(BOB, "/record")
    assert audit.alarms() == []


def test_words_that_were_meant_for_the_reader(audit, site) -> None:
    say(site, ALICE, WORDS, to=BOB)
    assert WORDS in site.ask(BOB, "/own")
    assert audit.alarms() == []


@pytest.mark.parametrize(
    "text", ["ok", "hello", "how are you", "2026-11-28", "https://example.com/a/b/c", "1 2 3 4 5 6"]
)
def test_what_is_too_little_to_be_anybodys(audit, site, text) -> None:
    say(site, ALICE, text)
    assert text in site.ask(BOB, "/record")
    assert audit.alarms() == []


def test_letters_of_other_alphabets_as_json_writes_them(audit, site) -> None:
    words = "geh\u00f6rt mir \u00fcberhaupt nichts"
    say(site, ALICE, words)
    assert words in site.ask(BOB, "/record")
    assert audit.found() == [FOUND]


def test_words_in_capitals(audit, site) -> None:
    say(site, ALICE, WORDS)
    assert WORDS.title() in site.ask(BOB, "/shouted")
    assert audit.found() == [FOUND]
