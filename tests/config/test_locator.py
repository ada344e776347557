"""The locator: the right line in any TOML, no fault in any text."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isolation_audit.config.locator import Lines, Place

TEXT = '''\
title = "x"            # 1
a.b.c = 1              # 2
"q k" = 'v'            # 3

[t]                    # 5
s = """one
two # not a comment
[no.header]
""" # 9
n = 1                  # 10
l = [                  # 11
  "x",                 # 12
  # a comment, with ] and }
  { k = 1, m.n = [2] },  # 14
]
raw = \'\'\'
x = 1
\'\'\'
esc = "a\\"b" # "       19
[[e]]                  # 20
k = 1
[[e]]                  # 22
k = 2                  # 23
[e.sub]                # 24
z = 1                  # 25
[[e.deep]]             # 26
y = 1                  # 27
[ "t" . 'x y' ]        # 28
"\\u0061" = 1979-05-27 07:32:00  # 29
last = 1               # 30
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("title",), 1),
        (("a",), 2),
        (("a", "b", "c"), 2),
        (("q k",), 3),
        (("t",), 5),
        (("t", "s"), 6),
        (("t", "n"), 10),
        (("t", "l"), 11),
        (("t", "l", 0), 12),
        (("t", "l", 1), 14),
        (("t", "l", 1, "k"), 14),
        (("t", "l", 1, "m", "n", 0), 14),
        (("t", "raw"), 16),
        (("t", "esc"), 19),
        (("e", 0), 20),
        (("e", 1), 22),
        (("e", 1, "k"), 23),
        (("e", 1, "sub"), 24),
        (("e", 1, "sub", "z"), 25),
        (("e", 1, "deep", 0, "y"), 27),
        (("t", "x y"), 28),
        (("t", "x y", "a"), 29),
        (("t", "x y", "last"), 30),
        (("t", "absent"), 5),
        (("e", 1, "absent", "more"), 22),
        (("absent",), None),
        ((), None),
    ],
)
def test_lines(place: Place, line: int | None) -> None:
    tomllib.loads(TEXT)
    assert Lines(TEXT).find(place) == line


@given(st.text() | st.text("[]{}=.,\"'\\\n #ab1-"))
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_to_its_end(text: str) -> None:
    lines = Lines(text)
    line = lines.find(("a", "b"))
    assert line is None or 1 <= line <= text.count("\n") + 1


@pytest.mark.parametrize("part", ['"', '"""', "'''", "'", "[", "{", "a.", "a=", "\\", '"\\', "[[a]]\n", "a=[{", "#"])
def test_long_broken_text_is_read_in_linear_time(part: str) -> None:
    Lines(part * (500_000 // len(part)))


# Documents are written with one fact a line, so that each line is known while it is written.
keys = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=4)
leaves = st.sampled_from(["1", "true", '"x # ["', "'= ]'", '"""a\nb"""', "1979-05-27", '["y",\n"z"]'])
flat = st.dictionaries(keys, leaves, max_size=4)


def quoted(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(flat, st.dictionaries(keys, flat | st.lists(flat, min_size=1, max_size=3), max_size=4))
@settings(deadline=None)
def test_generated_documents(top: dict[str, str], tables: dict[str, Any]) -> None:
    text = ""
    expected: dict[Place, int] = {}

    def write(piece: str, place: Place) -> None:
        nonlocal text
        expected[place] = text.count("\n") + 1
        text += piece + "\n"

    def write_pairs(pairs: dict[str, str], place: Place) -> None:
        for key, value in pairs.items():
            write(f"{quoted(key)} = {value}", (*place, key))

    write_pairs({key: value for key, value in top.items() if key not in tables}, ())
    for name, content in tables.items():
        for number, entry in enumerate(content if isinstance(content, list) else [content]):
            place: Place = (name, number) if isinstance(content, list) else (name,)
            write(f"[[{quoted(name)}]]" if isinstance(content, list) else f"[{quoted(name)}]", place)
            write_pairs(entry, place)
    tomllib.loads(text)
    lines = Lines(text)
    assert {place: lines.find(place) for place in expected} == expected
