"""The probe project: every form of reference is found at its line, and nothing that only looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest

from trees import expected, found, parts, scan_tree, write_tree

FILES = parts(Path(__file__).with_name("probe.txt").read_text(encoding="utf-8"))


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    return write_tree(tmp_path, FILES)


def test_every_form_is_found_and_no_look_alike(probe: Path) -> None:
    outcome = scan_tree(probe)
    wanted = expected(FILES)
    assert found(outcome) == wanted
    assert len({form for _, _, form in wanted}) >= 25


@pytest.mark.parametrize("parse", ["all", "mentions"])
def test_what_is_parsed_does_not_change_what_is_found(probe: Path, parse: str) -> None:
    everything = found(scan_tree(probe))
    assert found(scan_tree(probe, parse=parse)) == everything
