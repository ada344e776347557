"""The table of orders in the reference says what the automaton does."""

import re
from pathlib import Path

import pytest

from isolation_audit.analysis.orders import compile_order

PAGE = (Path(__file__).parents[3] / "docs/reference/configuration.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("### Orders")[2].partition("###")[0]
ROWS = [
    [
        [text.replace("\\|", "|") for text in re.findall(r"`([^`]*)`", cell)]
        for cell in re.split(r"(?<!\\)\|", row)[1:-1]
    ]
    for row in TABLE.splitlines()
    if row.startswith("| `")
]


def test_the_table_is_there():
    assert len(ROWS) >= 8


@pytest.mark.parametrize(("order", "good", "bad"), ROWS, ids=[row[0][0] for row in ROWS])
def test_documented_runs(order, good, bad):
    automaton = compile_order(order[0])
    assert good
    assert bad
    assert {events: automaton.accepts(events.split()) for events in good} == dict.fromkeys(good, True)
    assert {events: automaton.accepts(events.split()) for events in bad} == dict.fromkeys(bad, False)
