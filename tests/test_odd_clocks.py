"""Applications whose clock is wrong, jumps, or is replaced by one that fails: they go on, and crossings are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from doors import Project

CLOCKS = {
    "a clock that fails": "def odd(): raise OSError('no clock')\ntime.time = odd",
    "no number": "time.time = lambda: 'noon'",
    "not a number": "time.time = lambda: float('nan')",
    "back by a year, ahead by a year": (
        "real, passed = time.monotonic, time.time\n"
        "time.time = lambda: passed() - 31_536_000\ntime.monotonic = lambda: real() + 31_536_000"
    ),
}

PROGRAM = """\
import time
import isolation_audit, shop

shop.cross()
isolation_audit.current().flush()
{clock}
for number in range(300):
    shop.current_user.set("alice")
    answer = shop.Emitter().emit_answer(f"hello {{number}}", to="bob" if number % 3 == 0 else "alice")
    assert answer == f"hello {{number}}"
isolation_audit.current().flush()
print("went on")
"""


@pytest.mark.parametrize("clock", CLOCKS)
def test_an_odd_clock_changes_nothing(project: Project, clock: str) -> None:
    done = project.script(PROGRAM.format(clock=CLOCKS[clock]))
    assert (done.code, done.out) == (0, b"went on\n"), done.err
    assert "Traceback" not in done.err
    assert done.crossings == 101
