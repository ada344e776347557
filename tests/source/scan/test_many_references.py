"""Thousands of references on one line: what scan and migrate do for them grows with their number, and no faster."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from isolation_audit.config import load_config
from isolation_audit.source.migrate.planning import make_plan
from isolation_audit.source.scan.cache import Cache
from isolation_audit.source.scan.outcome import judge
from isolation_audit.source.scan.scanner import read_source
from trees import CONFIG, OLD, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def calls_of(work: Callable[[], Any]) -> tuple[int, Any]:
    """How many functions were called, of Python and of C, and what ``work`` gave."""
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        given = work()
    finally:
        sys.setprofile(before)
    return calls, given


def line_of(number: int, folder: Path) -> Path:
    line = f"engines = [{', '.join(['Engine()'] * number)}]"
    files = {**OLD, "isolation-audit.toml": CONFIG, "many.py": f"from app.old import Engine\n\n{line}\n"}
    return write_tree(folder / str(number), files)


def scanned(tree: Path) -> Any:
    config = load_config(tree / "isolation-audit.toml")
    return read_source(config, (tree,), Cache(None, config), parse="all", jobs=1)


def test_scan(tmp_path: Path) -> None:
    trees = [line_of(number, tmp_path) for number in (10, 300, 600)]
    counted = [calls_of(lambda tree=tree: judge(scanned(tree)).report()) for tree in trees]
    assert [len(report["findings"]) for _calls, report in counted] == [11, 301, 601]
    few, some, many = (calls for calls, _report in counted)
    assert many - few < 2.5 * (some - few)


def test_migrate(tmp_path: Path) -> None:
    trees = [line_of(number, tmp_path) for number in (10, 300, 600)]
    counted = [calls_of(lambda tree=tree: make_plan(scanned(tree), lambda _file: True)) for tree in trees]
    for number, (_calls, plan) in zip((10, 300, 600), counted, strict=True):
        (change,) = plan.changes
        assert change.after.count(b"UserEngine()") == number
    few, some, many = (calls for calls, _plan in counted)
    assert many - few < 2.5 * (some - few)
