"""Many short lives of an audited program, each ended while the auditor works: ``test_ending.py`` runs it.

One process imports everything and forks once for each life. The child starts the auditor, as a new program does, and
is the program from there on. So a life costs no start of a Python, and some of them go on at the same time.

``FOLDER SEED forced NUMBER`` ends lives at steps of the auditor that there are; ``FOLDER SEED random NUMBER`` sends
signals at random moments. Prints a JSON object: how many of each kind have ended as they must, and what has not.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE = 8
"""Most of a life is waiting: for the moment of the signal, or for the end of what the end has interrupted."""

LONGEST = 300.0
"""Seconds after which a life counts as hanging. Each one needs less than ten on an idle machine."""

PHASES = ("record", "stop", "fork")
ON_OTHER_THREADS = ("drain", "write")
NO_SUCH_STEP = 99
"""Exit code of a program that was to be interrupted at a step that did not come."""

ENDS = {"term": 128 + signal.SIGTERM, "exit": 7, "stop": 0}
FORCED = [
    *((phase, intruder) for phase in PHASES for intruder in ENDS),
    *((phase, "term") for phase in ON_OTHER_THREADS),
]
MODULES, READY = "modules.json", "ready"


@dataclass
class Life:
    """One audited program, and the exit code that it must have (128 + N where signal N ends it)."""

    kind: str
    program: Callable[[], None]
    code: int
    signal_after: float | None = None
    folder: Path = Path()
    began: float = 0.0

    def live(self) -> None:
        """In the child: what is around a program that starts under the auditor, and then the program."""
        self.folder.mkdir()
        os.chdir(self.folder)
        for descriptor, name in ((1, "out.txt"), (2, "err.txt")):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600), descriptor)
        os.environ |= {"ISOLATION_AUDIT": "1", "ISOLATION_AUDIT_REPORT": str(self.folder / "report")}
        from isolation_audit.activate import from_environment

        from_environment()
        self.program()

    def wrong(self, code: int) -> str | None:
        """What is not as it must be after its end."""
        errors = (self.folder / "err.txt").read_text()
        if code != self.code or "Traceback" in errors:
            return f"{self.kind}: ended with {code} and not {self.code}: {errors[-2_000:]}"
        from isolation_audit.exporters.reading import report_in

        report = report_in(self.folder / "report")
        return None if report and report["run"]["processes"] else f"{self.kind}: no report: {errors[-2_000:]}"


class Child(Exception):
    """Raised in the child, with the life that it has to live."""


class Lives:
    """Those that go on at the same time, and what has come of the others."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.draw = random.Random(seed)
        self.ended: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.no_such_step: list[str] = []
        self._folder = folder
        self._going_on: dict[int, Life] = {}
        self._born = 0
        os.environ["ISOLATION_AUDIT_CONFIG"] = str(folder / "isolation-audit.toml")

    def begin(self, life: Life) -> None:
        """Fork; at most so many at once."""
        while len(self._going_on) >= AT_ONCE:
            self._wait()
        self._born += 1
        life.folder = self._folder / str(self._born)
        life.began = time.monotonic()
        process = os.fork()
        if process == 0:
            raise Child(life)
        self._going_on[process] = life

    def wait_for_all(self) -> None:
        """Until none goes on."""
        while self._going_on:
            self._wait()

    def _wait(self) -> None:
        """Until one has ended, for a moment; signals are sent meanwhile."""
        for process, life in self._going_on.items():
            lived = time.monotonic() - life.began
            if life.signal_after is not None and (life.folder / READY).exists():
                time.sleep(life.signal_after)
                life.signal_after = None
                os.kill(process, life.code - 128)
            elif lived > LONGEST:
                os.kill(process, signal.SIGKILL)
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended:
            self._has_ended(self._going_on.pop(ended), os.waitstatus_to_exitcode(status))
        else:
            time.sleep(0.005)

    def _has_ended(self, life: Life, code: int) -> None:
        code = 128 - code if code < 0 else code
        if code == NO_SUCH_STEP:
            self.no_such_step.append(life.kind)
            return
        wrong = life.wrong(code)
        if wrong is None:
            self.ended[life.kind] += 1
        else:
            self.wrong.append(wrong)


def steps_of_phases(lives: Lives) -> dict[str, int]:
    """How many there are; and all that the auditor imports is imported here, once for the other lives."""
    counted = {phase: counting(phase) for phase in (*PHASES, *ON_OTHER_THREADS)}
    for life in counted.values():
        lives.begin(life)
    lives.wait_for_all()
    assert not lives.wrong, lives.wrong
    lives.ended.clear()
    for life in counted.values():
        for name in json.loads((life.folder / MODULES).read_text()):
            if name.startswith("isolation_audit."):
                importlib.import_module(name)
    return {phase: int((life.folder / "out.txt").read_text()) for phase, life in counted.items()}


def counting(phase: str) -> Life:
    def program() -> None:
        import interrupted

        process = os.getpid()
        atexit.register(lambda: os.getpid() == process and Path(MODULES).write_text(json.dumps([*sys.modules])))
        interrupted.main(phase, "steps", 0, 0, 1)

    return Life(f"steps {phase}", program, 0)


def end_at_steps(lives: Lives, number: int) -> None:
    """As many that have really come to their step: how much the auditor's threads do at one time is not certain.

    One that has not is begun again, of the same kind.
    """
    steps = steps_of_phases(lives)
    lives.no_such_step.clear()
    due = [" ".join(FORCED[turn % len(FORCED)]) for turn in range(number)]
    while due:
        before = len(lives.no_such_step)
        for kind in due:
            phase, intruder = kind.split()
            lives.begin(interrupted_life(phase, intruder, lives.draw.randint(1, steps[phase])))
        lives.wait_for_all()
        due = lives.no_such_step[before:]


def interrupted_life(phase: str, intruder: str, at: int) -> Life:
    def program() -> None:
        import interrupted

        interrupted.main(phase, intruder, at, at, 1)

    return Life(f"{phase} {intruder}", program, ENDS[intruder])


def recording() -> None:
    import shop

    shop.current_user.set("alice")
    emitter = shop.Emitter()
    Path(READY).touch()
    number = 0
    while True:
        number += 1
        emitter.emit_answer(f"hello {number}", to="bob")


def forking() -> None:
    import shop

    Path(READY).touch()
    while True:
        child = os.fork()
        if child == 0:
            shop.cross()
            os._exit(0)
        os.waitpid(child, 0)


def undoing() -> None:
    import shop

    import isolation_audit

    shop.cross()
    Path(READY).touch()
    while True:
        isolation_audit.uninstrument()
        isolation_audit.instrument()
        shop.cross()


BUSY = (recording, forking, undoing)


def end_by_signals(lives: Lives, number: int) -> None:
    """As many signals, each at a random moment of a program that keeps the auditor busy."""
    steps_of_phases(lives)
    for turn in range(number):
        program = BUSY[turn % len(BUSY)]
        code = 128 + lives.draw.choice((signal.SIGTERM, signal.SIGHUP))
        lives.begin(Life(program.__name__, program, code, signal_after=lives.draw.uniform(0, 0.3)))
    lives.wait_for_all()


def main(folder: str, seed: str, how: str, number: str) -> None:
    lives = Lives(Path(folder), int(seed))
    try:
        {"forced": end_at_steps, "random": end_by_signals}[how](lives, int(number))
    except Child as child:
        life: Life = child.args[0]
    else:
        print(json.dumps({"ended": lives.ended, "wrong": lives.wrong, "no such step": lives.no_such_step}))
        return
    life.live()


if __name__ == "__main__":
    main(*sys.argv[1:])
