"""What of a text tells whose it is, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit.rules.state.atoms import LONGEST, atoms, hashes, longest_simple_word, simple_words


def found(text):
    return set(atoms(text).values())


@pytest.mark.parametrize(
    ("text", "atom"),
    [
        ("the pin is 4711", "4711"),
        ("IBAN DE02120300000000202051", "de02120300000000202051"),
        ("write to Alice@Example.com, please", "alice@example.com"),
        ("order vault-77", "vault-77"),
        ("please call the bank", "call the bank"),
        ("CALL THE BANK", "call the bank"),
        ('{"note": "call the bank"}', "call the bank"),
        ("/search?q=call+the+bank", "call the bank"),
        ("note=call%20the%20bank", "call the bank"),
    ],
)
def test_what_is_somebodys(text, atom):
    assert atom in found(text)


@pytest.mark.parametrize("text", ["utf-8", "ISO-8859-1", "charset=windows-1252", "Shift_JIS_2004", "utf_16"])
def test_encodings_are_nobodys(text):
    assert found(text) == set()


def test_a_number_that_is_a_code_page_as_well_is_somebodys():
    assert found("pin 1252") == {"1252"}


@pytest.mark.parametrize("text", ["", "ok", "status", "42", "1000", "8000", "2026", "60.0", "a b", "utf8", "x-1"])
def test_what_is_nobodys(text):
    assert found(text) == set()


TEXTS = st.lists(st.sampled_from(["the pin is 4711", "call the bank", "q=tea+house+7", "a%40example.org", "ok", ""]))


@given(st.lists(TEXTS, max_size=5))
def test_the_hashes_of_a_text_in_parts_are_those_of_its_atoms(texts):
    for parts in texts:  # they share parts, which are remembered
        text = "\0".join(parts)
        assert hashes(text) == atoms(text).keys() == hashes(text)


def test_hashes_are_found_of_more_parts_than_are_remembered():
    for names in ([f"vault-{one}" for one in range(10_000)], [f"order-{one}" for one in range(10_000)]):
        assert hashes("\0".join(names)) >= set(map(hash, names))
        assert hashes(" ".join(names[:1_000])) >= set(map(hash, names[:1_000]))


def test_a_phrase_does_not_go_on_in_the_next_text():
    assert "tea house alice" not in found("tea house\0alice")


def test_a_long_text_is_cut():
    assert "4711" not in found("-" * LONGEST + " 4711")


PIECES = [
    "alice",
    "Bob-17",
    "4711",
    "12,345.67",
    "x_y",
    "a@b.example.com",
    "ß",
    "É1234",
    "foo.bar-12",
    "--",
    "_",
    '"',
    "{",
    "%41",
    "a+b1234",
    "Number",
    "\\u0041",
    "123456",
]


@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(["", " ", "-", "_", ".", ",", "\n"])), max_size=14))
def test_each_atom_of_a_simple_text_has_its_longest_word_among_the_text_s(pieces):
    """So a text that has none of the words need not be taken apart."""
    text = "".join(map("".join, pieces))
    words = simple_words(text)
    if words is None:
        assert not text.isascii() or "%" in text or "+" in text
    else:
        assert {longest_simple_word(atom) for atom in atoms(text).values()} <= set(words)


def test_words_of_texts_that_are_no_simple_matter():
    assert simple_words("Alice's 2nd_try, 4711!") == ["alice", "s", "2nd", "try", "4711"]
    for text in ("stra\u00dfe 4711", "a%40b", "a+b"):
        assert simple_words(text) is None
    assert longest_simple_word("kelvin 4711") == "kelvin"
    assert longest_simple_word("stra\u00dfe 4711") == ""
