"""Random programs over state, with threads and tasks: rewritten, told and audited, they show what they showed."""

from __future__ import annotations

import os
import warnings

from random_state import Writer
from same import differences

from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config

EXAMPLES = int(os.environ.get("ISOLATION_AUDIT_EXAMPLES", "30"))
FIRST = int(os.environ.get("ISOLATION_AUDIT_FIRST", "0"))
AT_ONCE = 100


def compiles(source: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "program.py", "exec", dont_inherit=True)
    except SyntaxError:  # as where a name is used before it is said to be another function's
        return False
    return True


def test_random_programs_show_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = tmp_path / "isolation-audit.toml"
    config.write_text('[audit]\ndepth = "state"\n[report]\nterminal = false\n')
    equal = 0
    for first in range(FIRST, FIRST + EXAMPLES, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, FIRST + EXAMPLES))
        sources = {number: source for number in numbers if compiles(source := Writer(number).program())}
        found = differences(list(sources.values()), lambda: Auditor(load_config(config)))
        assert not [(list(sources)[place], *more) for place, *more in found]
        equal += len(sources)
    assert equal > EXAMPLES * 0.9
    print(f"{equal} programs show the same")
