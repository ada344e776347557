"""The probe project: every form of reference is found at its line, and nothing that only looks like one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trees import CONFIG, OLD, expected, found, parts, scan_tree, write_tree

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


def test_a_scan_from_the_cache_finds_the_same(probe: Path) -> None:
    everything = found(scan_tree(probe, cache=True))
    assert found(scan_tree(probe, cache=True)) == everything == expected(FILES)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters need Python 3.12")
def test_type_parameters_and_type_statements(tmp_path: Path) -> None:
    files = {
        **OLD,
        "isolation-audit.toml": CONFIG,
        "chat.py": """\
from app.old import Engine  #= from import
type Alias = Engine  #= annotation
type Many[T] = dict[T, Engine]  #= annotation
type Written = "Engine"  #= string annotation
def f[T: Engine](x: T, e: Engine) -> Alias: return Engine()  #= annotation, annotation, return annotation, call
class A[T: (Engine, int)](Engine): ...  #= annotation, subclass
def hidden[Engine](x: Engine) -> Engine: return Engine()
class Hidden[Engine]:
    def m(self, x: Engine) -> "Engine": return Engine()
type Other[Engine] = list[Engine]
""",
        "other.py": "from chat import Alias  #= from import\ndef g(x: Alias): ...  #= annotation\n",
    }
    write_tree(tmp_path, files)
    assert found(scan_tree(tmp_path)) == found(scan_tree(tmp_path, parse="mentions")) == expected(files)


def test_names_in_json(tmp_path: Path) -> None:
    text = (
        '{"engine": "app.old:Engine",\n "also": ["app.old.Engine", "app.old.Engine(1)"],\n'
        ' "note": "see app.old.Engine.",\n "run": "python -m app.old.Engine", "app.old.Engine": 1,\n'
        ' "no": ["Engine", "my.app.old.Engine", "app.old.Engines"]}\n'
    )
    write_tree(tmp_path, {**OLD, "isolation-audit.toml": CONFIG, "settings.json": text})
    lines = [one.line for one in scan_tree(tmp_path).references]
    assert lines == [1, 2, 2, 4, 4]
