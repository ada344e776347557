"""Law 8 for rules of the source: each bad tree is reported, its clean twin is not, and rules can be switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from isolation_audit.model.rules import SourceExample
from isolation_audit.source.scan.rules import RULES
from trees import scan_tree, write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def codes(folder: Path, config: str, files: Mapping[str, str]) -> dict[str, str]:
    write_tree(folder, {**files, "isolation-audit.toml": config})
    return {one.rule: one.severity for one in scan_tree(folder).references}


@pytest.mark.parametrize("code", RULES)
def test_the_bad_tree_is_reported(tmp_path: Path, code: str) -> None:
    example = RULES[code].example
    assert isinstance(example, SourceExample)
    assert codes(tmp_path, example.config, example.bad)[code] is RULES[code].severity


@pytest.mark.parametrize("code", RULES)
def test_the_good_tree_is_not(tmp_path: Path, code: str) -> None:
    example = RULES[code].example
    assert codes(tmp_path, example.config, example.good) == {}


@pytest.mark.parametrize("code", RULES)
def test_select(tmp_path: Path, code: str) -> None:
    example = RULES[code].example
    off = f'\n[select]\ndisable = ["{code}"]\n'
    assert code not in codes(tmp_path, example.config + off, example.bad)
    louder = f'\n[select.severity]\n{code} = "error"\n'
    assert codes(tmp_path, example.config + louder, example.bad)[code] == "error"


def test_words_of_the_rules() -> None:
    assert list(RULES) == sorted(RULES)
    for rule in RULES.values():
        assert rule.summary.endswith(".")
        assert not rule.help.endswith(".")
        assert rule.why
