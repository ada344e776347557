"""What may run inside the auditor's own code, let into each of its steps: nothing hangs, and exit codes are right.

The places that may: an application's signal handler, a finalizer, a weak reference's callback, and what they call (an
instrumented method, ``os.fork``, ``os._exit``, ``uninstrument``); and the auditor's own handler of SIGTERM and SIGHUP.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from doors import CONFIG, Project

if TYPE_CHECKING:
    from doors import Done

PROGRAM = Path(__file__).with_name("interrupted.py").read_text(encoding="utf-8")
PHASES = ("record", "stop", "fork")
ON_OTHER_THREADS = ("drain", "write")
LONGEST = 600.0
"""Seconds after which a program counts as hanging; on an idle machine each one needs about two."""


def interrupted(project: Project, phase: str, intruder: str, first: int, last: int, stride: int = 1) -> Done:
    project.write("interrupted.py", PROGRAM)
    if phase in ON_OTHER_THREADS:
        project.write("isolation-audit.toml", CONFIG + '[journal]\npath = "journal.jsonl"\n')
    words = ("interrupted.py", phase, intruder, *map(str, (first, last, stride)))
    return project.run(*words, timeout=LONGEST)


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory):
    project = Project(tmp_path_factory.mktemp("steps"))
    counted = {phase: int(interrupted(project, phase, "steps", 0, 0).out) for phase in (*PHASES, *ON_OTHER_THREADS)}
    assert min(counted.values()) > 50, counted
    return counted


@pytest.mark.parametrize("intruder", ["handler", "finalizer", "weakref", "fork"])
def test_recording_is_interrupted_at_each_step(project: Project, steps: dict[str, int], intruder: str) -> None:
    stride = 25 if intruder == "fork" else 1
    done = interrupted(project, "record", intruder, 1, steps["record"], stride)
    assert (done.code, done.out) == (0, b"went on\n"), done.err
    own = len(range(1, steps["record"] + 1, stride))
    assert max(finding["count"] for finding in done.report["findings"]) == own
    assert done.report["summary"]["faults"] == 0


@pytest.mark.parametrize("intruder", ["handler", "finalizer", "weakref"])
def test_undoing_and_forking_are_interrupted(project: Project, steps: dict[str, int], intruder: str) -> None:
    forked = interrupted(project, "fork", intruder, 1, steps["fork"], steps["fork"] // 100)
    assert (forked.code, forked.out.splitlines()[-1]) == (0, b"went on"), forked.err
    for at in range(1, steps["stop"], steps["stop"] // 4):
        stopped = interrupted(project, "stop", intruder, at, at)
        assert (stopped.code, stopped.out) == (0, b"went on\n"), stopped.err


ENDS = {"term": 128 + signal.SIGTERM, "exit": 7, "stop": 0}


def sampled(steps: int, number: int) -> list[int]:
    return sorted(random.Random(number).sample(range(1, steps + 1), number))


@pytest.mark.parametrize("intruder", ENDS)
@pytest.mark.parametrize("phase", PHASES)
def test_the_end_comes_while_the_auditor_works(
    project: Project, steps: dict[str, int], phase: str, intruder: str
) -> None:
    # An end in the middle of the undoing waits for the limit: the thread that undoes goes no further.
    ends_with_report(project, steps, phase, intruder, 1 if phase == "stop" else 3)


@pytest.mark.parametrize("phase", ON_OTHER_THREADS)
def test_a_signal_comes_while_the_auditors_threads_work(project: Project, steps: dict[str, int], phase: str) -> None:
    """What they hold at that step, the end must not wait for."""
    ends_with_report(project, steps, phase, "term", 2)


@pytest.mark.parametrize("phase", ON_OTHER_THREADS)
@pytest.mark.parametrize("intruder", ["finalizer", "fork"])
def test_the_auditors_threads_are_interrupted(
    project: Project, steps: dict[str, int], phase: str, intruder: str
) -> None:
    """A garbage collection on such a thread runs finalizers of the application."""
    for at in sampled(steps[phase], 2):
        done = interrupted(project, phase, intruder, at, at)
        assert (done.code, done.out) == (0, b"went on\n"), done.err
        assert done.report is not None
        assert done.report["summary"]["faults"] == 0


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("phase", ON_OTHER_THREADS)
def test_signals_come_at_many_steps_of_the_auditors_threads(
    project: Project, steps: dict[str, int], phase: str
) -> None:
    ends_with_report(project, steps, phase, "term", 25)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("intruder", ENDS)
@pytest.mark.parametrize("phase", PHASES)
def test_the_end_comes_at_many_steps(project: Project, steps: dict[str, int], phase: str, intruder: str) -> None:
    ends_with_report(project, steps, phase, intruder, 25)


def ends_with_report(project: Project, steps: dict[str, int], phase: str, intruder: str, number: int) -> None:
    for at in sampled(steps[phase], number):
        project.folder.joinpath("out", "report.json").unlink(missing_ok=True)
        done = interrupted(project, phase, intruder, at, at)
        assert done.code == ENDS[intruder], (at, done.err)
        assert done.report is not None
        assert len(done.report["run"]["processes"]) >= 1


BUSY = """\
import os, sys, time
import shop
shop.current_user.set("alice")
emitter = shop.Emitter()
print(os.getpid(), flush=True)
number = 0
while True:
    number += 1
    emitter.emit_answer(f"hello {number}", to="bob")
"""


def signalled(project: Project, seed: int, rounds: int) -> None:
    """Signals at random moments, to the program or to the supervisor."""
    chance = random.Random(seed)
    project.write("busy.py", BUSY)
    for _ in range(rounds):
        number = chance.choice((signal.SIGTERM, signal.SIGHUP))
        process = project.start("busy.py")
        program = int(process.stdout.readline())
        try:
            process.wait(chance.uniform(0, 0.3))
        except subprocess.TimeoutExpired:
            os.kill(chance.choice((program, process.pid)), number)
        done = project.end(process, timeout=LONGEST)
        assert done.code == 128 + number, done.err
        assert "Traceback" not in done.err


def test_signals_at_random_moments(project: Project) -> None:
    signalled(project, 1, 6)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(2, 14))
def test_many_signals_at_random_moments(project: Project, seed: int) -> None:
    """Three hundred, in parts that can run beside each other."""
    signalled(project, seed, 25)


def test_a_second_signal_ends_the_process_at_once(project: Project) -> None:
    """The report hangs: a sink waits in a full pipe. The first signal waits for it, the second one does not."""
    project.write(
        "busy.py",
        BUSY.replace(
            "print(os",
            "from isolation_audit.process import process\nprocess.auditor.stop = lambda: time.sleep(60)\nprint(os",
        ),
    )
    process = project.start("busy.py")
    program = int(process.stdout.readline())
    os.kill(program, signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)
    os.kill(program, signal.SIGTERM)
    assert project.end(process, timeout=LONGEST).code == 128 + signal.SIGTERM


WRONG = """\
import os, signal

def told(function, *given, **named):
    try:
        function(*given, **named)
    except Exception as error:
        print(type(error).__name__, error)

told(os._exit)
told(os._exit, "x")
told(os._exit, 1, 2)
told(os._exit, code=1)
told(os.execv, "/bin/true")
told(os.execv, "/bin/true", [])
told(os.execve, "/bin/true", ["true"])
told(os.execve, path="/nonexistent", argv=["x"], env={})
told(signal.raise_signal)
told(signal.raise_signal, "x")
"""


def test_wrong_arguments_raise_what_they_raise_without_an_auditor(project: Project) -> None:
    bare = subprocess.run([sys.executable, "-c", WRONG], capture_output=True, check=True)
    assert len(bare.stdout.splitlines()) == 10
    audited = project.script(WRONG)
    assert (audited.code, audited.out) == (0, bare.stdout)


def test_a_program_that_raises_the_signal_itself_goes_no_further(project: Project) -> None:
    done = project.script(
        "import signal, shop\nshop.cross(2)\nsignal.raise_signal(signal.SIGTERM)\nprint('not reached', flush=True)\n"
    )
    assert (done.code, done.out, done.crossings) == (128 + signal.SIGTERM, b"", 2)
