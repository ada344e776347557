"""Patterns that are compiled when they are first asked behave as those that ``re.compile`` makes."""

from __future__ import annotations

import re

import pytest

from isolation_audit.analysis.patterns import pattern


def test_it_is_compiled_once_and_not_before_it_is_asked():
    one = pattern(r"(?P<word>\w+)", re.IGNORECASE)
    assert "search" not in vars(one)
    assert one.search("two words")["word"] == "two"
    assert one.search is one.search
    assert {"search", "fullmatch", "sub"} <= vars(one).keys()


@pytest.mark.parametrize("text", ["a1 b22", "", "é9"])
def test_all_ways_to_ask_give_the_same(text):
    ours, plain = pattern(r"([a-z])(\d*)"), re.compile(r"([a-z])(\d*)")
    assert ours.findall(text) == plain.findall(text)
    assert [one.span() for one in ours.finditer(text)] == [one.span() for one in plain.finditer(text)]
    assert ours.sub("-", text) == plain.sub("-", text)
    assert ours.split(text) == plain.split(text)
    assert (ours.match(text) is None) == (plain.match(text) is None)
    assert ours.groups == plain.groups


def test_bytes_and_mistakes():
    assert pattern(rb"\d").search(b"a1")[0] == b"1"
    broken = pattern("(")
    with pytest.raises(re.error):
        broken.search("(")
    with pytest.raises(AttributeError):
        broken.__deepcopy__
