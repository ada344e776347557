"""What of a text tells whose it is, and what does not."""

import pytest

from isolation_audit.rules.state.atoms import LONGEST, atoms


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


@pytest.mark.parametrize("text", ["", "ok", "status", "42", "1000", "8000", "2026", "60.0", "a b", "utf8", "x-1"])
def test_what_is_nobodys(text):
    assert found(text) == set()


def test_a_phrase_does_not_go_on_in_the_next_text():
    assert "tea house alice" not in found("tea house\0alice")


def test_a_long_text_is_cut():
    assert "4711" not in found("-" * LONGEST + " 4711")
