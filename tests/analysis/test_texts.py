"""Texts that enter are cut and stay apart; texts that are shown can't pretend to be others."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit.analysis.texts import LONGEST, bounded, shown, without_secrets, without_secrets_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, as it is", "plain text, as it is"),
        ("Größe 北京 Москва naïve Ελλάδα 東京タワー", "Größe 北京 Москва naïve Ελλάδα 東京タワー"),
        ("x\x1b[2J\x1b]0;pwned\x07", r"x\x1b[2J\x1b]0;pwned\x07"),
        ("one\nerror[IA202]: forged", r"one\nerror[IA202]: forged"),
        ("a\rb\tc\x7f\x9b2J", r"a\rb\tc\x7f\x9b2J"),
        ("bob\u202egnp.exe", r"bob\u202egnp.exe"),
        ("a\u2028b\u200bc\ufeffd\u2066e", r"a\u2028b\u200bc\ufeffd\u2066e"),
        ("\u0430lice", r"\u0430lice"),
        ("alic\u03b5 and \uff41lice", r"alic\u03b5 and \uff41lice"),
        ("\U0001d41aline", r"\U0001d41aline"),
        ("lone \ud800 half", r"lone \ud800 half"),
        ("e" + "\u0301" * 30, "e" + r"\u0301" * 30),
        ("e\u0301", "e\u0301"),
    ],
)
def test_what_is_shown(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_what_is_too_long_to_show_is_cut_and_told() -> None:
    assert shown("x" * 1_000_000, 10) == "xxxxxxxxxx... (1000000 characters)"
    assert shown("\n" * 20, 2) == r"\n\n... (20 characters)"


@given(st.text())
def test_nothing_shown_leaves_its_line_or_hides(text: str) -> None:
    found = shown(text)
    assert found.isprintable()
    assert len(found.splitlines()) <= 1
    assert shown(found) == found


@given(st.text(max_size=3 * LONGEST), st.text(max_size=3 * LONGEST))
def test_bounded_texts_are_short_and_stay_apart(one: str, other: str) -> None:
    assert len(bounded(one)) <= LONGEST
    assert (bounded(one) == bounded(other)) == (one == other)
    assert len(one) > LONGEST or bounded(one) is one
    assert bounded(one + "x" * LONGEST) != bounded(one + "y" * LONGEST)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://user:word@host:9090/path?token=word#word", "http://host:9090/path"),
        ("redis://:wo/rd@host/0", "redis://host/0"),
        ("redis://user:wo#rd@host/0", "redis://host/0"),
        ("redis://user:wo?rd@host/0", "redis://host/0"),
        ("http://user:w@rd@host", "http://host"),
        ("host:9090", "host:9090"),
        ("user:word@host", "host"),
        ("http://[::1", "an address that is no URL"),
    ],
)
def test_what_is_shown_of_a_url(url: str, expected: str) -> None:
    assert without_secrets(url) == expected


@pytest.mark.parametrize("url", ["db://user:hidden%40word@host/x", "db://user:hid/den@h", "db://h/x?password=hidden"])
def test_what_others_say_of_a_url_repeats_no_secret(url: str) -> None:
    login = url.partition("//")[2].rpartition("@")[0]
    for text in (f"can't open {url!r}", f"file /home/{login}@h", f"{url}?", unquote(url), url.rpartition("=")[2]):
        assert "hid" not in without_secrets_of(url, text), text
    assert without_secrets_of("", "no such table") == "no such table"
