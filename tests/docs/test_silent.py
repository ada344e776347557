"""docs/reference/silent.md: each case that is silent on purpose names the test that runs it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "silent.md"

ROWS = [
    line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "| what |" not in line
]


def test_it_lists_every_mechanism() -> None:
    assert len(ROWS) >= 50
    assert re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE) == [
        "Contexts",
        "State",
        "Payloads",
        "Addressees",
        "Objects in use",
        "Caches",
        "Pools",
        "Lifetimes",
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0].removeprefix("| ")[:60])
def test_each_case_has_its_clean_twin(row: str) -> None:
    _what, why, twin = row.strip("| ").split(" | ")
    assert why
    named = re.fullmatch(r"\[`(test_\w+)`\]\(([^)]+)\)", twin)
    assert named is not None, twin
    module = ast.parse((PAGE.parent / named[2]).read_text(encoding="utf-8"))
    assert named[1] in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
