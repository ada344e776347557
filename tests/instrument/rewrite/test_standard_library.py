"""Files of the standard library are rewritten and compiled, and tests that CPython ships end as they do bare."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from isolation_audit.instrument.rewrite.code import rewrite

FILES = 350
STANDARD = Path(sysconfig.get_path("stdlib"))
MODULES = (
    *("test_dict", "test_list", "test_set", "test_deque", "test_scope", "test_generators", "test_dataclasses"),
    *("test_contextlib", "test_named_expressions", "test_patma", "test_super", "test_grammar", "test_traceback"),
    *("test_warnings", "test_coroutines", "test_asyncgen", "test_collections", "test_weakref"),
    *("test_enum", "test_copy", "test_exceptions", "test_threading_local", "test_context", "test_property"),
    *("test_listcomps", "test_setcomps", "test_dictcomps", "test_genexps"),
    *("test_unpack", "test_augassign", "test_with", "test_slice", "test_ordered_dict", "test_userdict", "test_frame"),
    *("test_code", "test_yield_from", "test_class", "test_metaclass", "test_raise", "test_pdb", "test_types"),
    "test_functools",
)

_RUN = """
import json, sys, unittest
sys.path[:0] = {paths!r}
from isolation_audit.instrument.barrier import STACK_END, Barrier
from isolation_audit.instrument.rewrite import listener
from isolation_audit.instrument.rewrite.loading import Loading
from told import Counting

barrier = Barrier(10**6)
if {rewritten}:
    sys.modules.pop({name!r}, None)
    Loading(({name!r},), barrier).start()
    listener.listen(Counting(), barrier)
tests = unittest.defaultTestLoader.loadTestsFromName({name!r})
result = unittest.TextTestRunner(verbosity=0, stream=sys.stderr).run(tests)
failed = sorted(str(test) for test, _why in result.failures + result.errors)
barrier.counts.pop(STACK_END, None)
print(json.dumps([result.testsRun, len(result.skipped), failed, dict(barrier.counts)]))
"""


def _files():
    found = (file for file in sorted(STANDARD.rglob("*.py")) if "site-packages" not in file.parts)
    return [file for file in found if not file.name.startswith("bad") and "lib2to3" not in file.parts]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")
def test_files_of_the_standard_library_are_rewritten():
    files = _files()
    done = 0
    for file in files[:: max(1, len(files) // FILES)]:
        source = file.read_bytes()
        try:
            compile(source, str(file), "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        rewrite(source, str(file))
        done += 1
    assert done >= FILES


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.skipif(importlib.util.find_spec("test.test_dict") is None, reason="Python's own tests are not installed")
@pytest.mark.parametrize("module", MODULES)
def test_tests_of_the_interpreter_end_as_bare(module, tmp_path):
    if importlib.util.find_spec(f"test.{module}") is None:
        pytest.skip("not of this version")
    bare, told = (_run(f"test.{module}", tmp_path, rewritten=rewritten) for rewritten in (False, True))
    assert bare[0] > 0
    assert told == bare


def _run(name, folder, *, rewritten):
    here = Path(__file__).parent
    program = _RUN.format(name=name, rewritten=rewritten, paths=[str(here.parents[2] / "src"), str(here)])
    environ = {**os.environ, "XDG_CACHE_HOME": str(folder)}
    words = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(words, cwd=folder, env=environ, text=True, capture_output=True)
    assert done.stdout, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])
