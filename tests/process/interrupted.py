"""A program that is interrupted at one step of the auditor's own code; run by ``test_ending.py``.

``PHASE INTRUDER FIRST LAST STRIDE``: what the auditor is doing (record, stop, fork, drain, write), what interrupts it,
and at which of its steps (lines run from 1 on: of the auditor's own threads for drain and write, else of the main
thread). With ``steps`` as the intruder it prints how many there are.
"""

from __future__ import annotations

import os
import signal
import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shop
from many_ends import NO_SUCH_STEP

import isolation_audit
from isolation_audit.exporters.background import Worker

if TYPE_CHECKING:
    from types import FrameType

PACKAGE = str(Path(isolation_audit.__file__).parent)
EXPORTERS = str(Path(PACKAGE, "exporters"))
ROUNDS = 40
"""Times that there is something to drain, before the step is taken for one that does not come."""


class Finalized:
    def __del__(self) -> None:
        shop.cross()


class Dead:
    pass


def by_handler() -> None:
    signal.raise_signal(signal.SIGUSR1)


def by_finalizer() -> None:
    Finalized()


def by_weak_reference() -> None:
    dead = Dead()
    weakref.finalize(dead, shop.cross)
    del dead


def by_fork() -> None:
    child = os.fork()
    if child == 0:
        shop.cross()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def by_stop() -> None:
    isolation_audit.uninstrument()


def by_term() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


INTRUDERS = {
    "handler": by_handler,
    "finalizer": by_finalizer,
    "weakref": by_weak_reference,
    "fork": by_fork,
    "stop": by_stop,
    "term": by_term,
    "exit": lambda: os._exit(7),
}


def record(number: int) -> None:
    shop.current_user.set("alice")
    shop.Emitter().emit_answer(f"hello {number}", to="bob")


def stop(_number: int) -> None:
    isolation_audit.uninstrument()


def fork(_number: int) -> None:
    steps: Any = sys.gettrace()
    child = os.fork()
    if child == 0:
        sys.settrace(None)
        if not steps.at:
            print(steps.seen, flush=True)
            os._exit(0)
        shop.cross()
        os._exit(0 if steps.intruded else NO_SUCH_STEP)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, NO_SUCH_STEP):
        sys.exit(128 - code if code < 0 else code)
    steps.intruded = code == 0


PHASES = {"record": record, "stop": stop, "fork": fork}
ON_OTHER_THREADS = {"drain": PACKAGE, "write": EXPORTERS}
"""Which code is looked at while the auditor's threads drain what was recorded, and write it."""


class Steps:
    """Counts lines of the auditor's code, and lets the intruder in at one of them."""

    def __init__(self, at: int, intrude: Any, within: str = PACKAGE) -> None:
        self.seen = 0
        self.intruded = False
        self.at = at
        self._intrude = intrude
        self._within = within

    def __call__(self, frame: FrameType, event: str, _argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(self._within):
            return None
        if event == "line":
            self.seen += 1
            if self.seen == self.at:
                self.intruded = True
                self._intrude()
        return self


def on_other_threads(steps: Steps, rounds: int) -> None:
    """Record, and wait until it is drained, with each round of the auditor's threads under the eyes of ``steps``."""
    work = Worker._round

    def watched(worker: Worker) -> bool:
        sys.settrace(steps)
        try:
            return work(worker)
        finally:
            sys.settrace(None)

    Worker._round = watched
    for number in range(rounds):
        record(number)
        auditor = isolation_audit.current()
        if auditor is None:
            return
        auditor.flush()


def main(phase: str, intruder: str, first: int, last: int, stride: int) -> None:
    signal.signal(signal.SIGUSR1, lambda _number, _frame: shop.cross())
    if phase in ON_OTHER_THREADS:
        steps = Steps(first, INTRUDERS.get(intruder), ON_OTHER_THREADS[phase])
        on_other_threads(steps, ROUNDS if first else 1)
        tell(steps, intruded=int(steps.intruded))
        return
    intruded = 0
    for at in range(first, last + 1, stride):
        steps = Steps(at, INTRUDERS.get(intruder))
        sys.settrace(steps)
        try:
            PHASES[phase](at)
        finally:
            sys.settrace(None)
        intruded += steps.intruded
    if phase != "fork" or first:  # there it is the child's steps that count, and the child has told them
        tell(steps, intruded)


def tell(steps: Steps, intruded: int) -> None:
    """How many steps there are, where that was asked; else at how many the intruder came."""
    if not steps.at:
        print(steps.seen)
    elif intruded:
        print("went on", intruded)
    else:
        sys.exit(NO_SUCH_STEP)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
