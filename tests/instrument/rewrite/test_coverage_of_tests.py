"""coverage.py counts the same lines and branches of rewritten code."""

from __future__ import annotations

import sys
import textwrap

import pytest
from test_equal_programs import PROGRAMS
from told import listening, output, plain_and_rewritten

coverage = pytest.importorskip("coverage")
if not hasattr(coverage, "Coverage"):
    pytest.skip("coverage.py is not installed", allow_module_level=True)  # tests/coverage has the same name

TRACES_ITSELF = "lines that a tracer sees"


def arcs(code, file):
    measured = coverage.Coverage(branch=True, data_file=None, config_file=False, include=[str(file)])
    measured.start()
    try:
        output(code, __file__=str(file))
    finally:
        measured.stop()
    return sorted(measured.get_data().arcs(str(file)))


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != TRACES_ITSELF])
def test_lines_and_branches(name, tmp_path):
    if (name, sys.version_info[:2]) == ("whose frame a method is called from", (3, 12)):
        pytest.xfail("3.12 counts another way out of one line, 3.11 and 3.13 do not")
    file = tmp_path / "program.py"
    source = textwrap.dedent(PROGRAMS[name])
    file.write_text(source)
    plain, rewritten = plain_and_rewritten(source, file)
    expected = arcs(plain, file)
    assert expected
    assert arcs(rewritten, file) == expected
    with listening():
        assert arcs(rewritten, file) == expected
