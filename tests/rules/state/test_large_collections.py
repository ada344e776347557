"""What an application keeps may have millions of entries: looking at the first ones makes no list of all."""

from __future__ import annotations

import tracemalloc
from collections import deque

import pytest

from isolation_audit.instrument.heap.parts import fields
from isolation_audit.integrations.building_blocks.ui_events import as_they_are
from isolation_audit.rules.context.context_residue import _held
from isolation_audit.rules.provenance.shared_with import _steps
from isolation_audit.rules.state.contents import texts

MANY = 300_000


class Registry:
    """Keeps its entries as attributes."""


def registry() -> Registry:
    kept = Registry()
    vars(kept).update((f"entry-{number}", "x") for number in range(MANY))
    return kept


LOOKS = {
    "texts of a dict": (texts, lambda: dict.fromkeys(range(MANY), "x")),
    "texts of a deque": (texts, lambda: deque(["x"] * MANY)),
    "fields": (fields, registry),
    "what an object holds": (_held, registry),
    "steps into a dict": (lambda value: list(_steps(value)), lambda: dict.fromkeys(range(MANY), "x")),
    "steps into a list": (lambda value: list(_steps(value)), lambda: ["x"] * MANY),
    "a client's state": (as_they_are, lambda: dict.fromkeys(range(MANY), "x")),
}


@pytest.mark.once
@pytest.mark.parametrize(("look", "make"), LOOKS.values(), ids=LOOKS)
def test_a_look_at_a_large_collection_takes_little_memory(look, make) -> None:
    value = make()
    tracemalloc.start()
    try:
        found = look(value)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found
    assert peak < 2_000_000
