"""What may run inside the auditor's own code, let into each of its steps: nothing hangs, and exit codes are right.

The places that may: an application's signal handler, a finalizer, a weak reference's callback, and what they call (an
instrumented method, ``os.fork``, ``os._exit``, ``uninstrument``); and the auditor's own handler of SIGTERM and SIGHUP.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from many_ends import ENDS, FORCED, ON_OTHER_THREADS, PHASES

from doors import CONFIG, Project, clean_environment

if TYPE_CHECKING:
    from doors import Done

PROGRAMS = ("interrupted.py", "many_ends.py")
LONGEST = 600.0
"""Seconds after which a program counts as hanging; on an idle machine each one needs about two."""


def interrupted(project: Project, phase: str, intruder: str, first: int, last: int, stride: int = 1) -> Done:
    write_programs(project)
    if phase not in ON_OTHER_THREADS:
        project.write("isolation-audit.toml", CONFIG)
    words = ("interrupted.py", phase, intruder, *map(str, (first, last, stride)))
    return project.run(*words, timeout=LONGEST)


def write_programs(project: Project) -> None:
    for name in PROGRAMS:
        project.write(name, Path(__file__).with_name(name).read_text(encoding="utf-8"))
    project.write("isolation-audit.toml", CONFIG + '[journal]\npath = "journal.jsonl"\n')


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory):
    project = Project(tmp_path_factory.mktemp("steps"))
    counted = {phase: int(interrupted(project, phase, "steps", 0, 0).out) for phase in (*PHASES, *ON_OTHER_THREADS)}
    assert min(counted.values()) > 50, counted
    return counted


def went_on(done: Done) -> int:
    """At how many steps the intruder came."""
    words, _, number = done.out.splitlines()[-1].rpartition(b" ")
    assert words == b"went on"
    return int(number)


@pytest.mark.parametrize("intruder", ["handler", "finalizer", "weakref", "fork"])
def test_recording_is_interrupted_at_each_step(project: Project, steps: dict[str, int], intruder: str) -> None:
    """The first time takes more steps than any other: what it looks up, it keeps."""
    stride = 25 if intruder == "fork" else 1
    done = interrupted(project, "record", intruder, 1, steps["record"], stride)
    assert done.code == 0, done.err
    assert went_on(done) > 200 / stride
    own = len(range(1, steps["record"] + 1, stride))
    assert max(finding["count"] for finding in done.report["findings"]) == own
    assert done.report["summary"]["faults"] == 0


@pytest.mark.parametrize("intruder", ["handler", "finalizer", "weakref"])
def test_undoing_and_forking_are_interrupted(project: Project, steps: dict[str, int], intruder: str) -> None:
    forked = interrupted(project, "fork", intruder, 1, steps["fork"], steps["fork"] // 100)
    assert forked.code == 0, forked.err
    assert went_on(forked) > 90
    for at in range(1, steps["stop"], steps["stop"] // 4):
        stopped = interrupted(project, "stop", intruder, at, at)
        assert (stopped.code, stopped.out) == (0, b"went on 1\n"), stopped.err


@pytest.mark.parametrize(("phase", "intruder"), [("record", "term"), ("stop", "exit"), ("drain", "term")])
def test_the_end_comes_while_the_auditor_works(
    project: Project, steps: dict[str, int], phase: str, intruder: str
) -> None:
    """With the supervisor above; what the auditor's threads hold at that step, the end must not wait for."""
    done = interrupted(project, phase, intruder, steps[phase] // 2, steps[phase] // 2)
    assert done.code == ENDS[intruder], done.err
    assert done.report is not None
    assert len(done.report["run"]["processes"]) >= 1


@pytest.mark.parametrize("phase", ON_OTHER_THREADS)
@pytest.mark.parametrize("intruder", ["finalizer", "fork"])
def test_the_auditors_threads_are_interrupted(
    project: Project, steps: dict[str, int], phase: str, intruder: str
) -> None:
    """A garbage collection on such a thread runs finalizers of the application."""
    for at in (steps[phase] // 3, steps[phase] * 2 // 3):
        done = interrupted(project, phase, intruder, at, at)
        assert (done.code, done.out) == (0, b"went on 1\n"), done.err
        assert done.report is not None
        assert done.report["summary"]["faults"] == 0


def many_ends(project: Project, seed: int, how: str, number: int) -> dict[str, int]:
    """So many programs that are ended while the auditor works, and how many of each kind ended as they must: all."""
    write_programs(project)
    words = [sys.executable, "many_ends.py", str(project.folder), str(seed), how, str(number)]
    done = subprocess.run(
        words, cwd=project.folder, env=clean_environment(), capture_output=True, timeout=7000, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert sum(told["ended"].values()) == number
    return told["ended"]


def test_ends_at_some_steps(project: Project) -> None:
    """Of each phase by each way to end."""
    assert set(many_ends(project, 1, "forced", len(FORCED)).values()) == {1}


def test_signals_at_some_random_moments(project: Project) -> None:
    assert many_ends(project, 1, "random", 9) == {"recording": 3, "forking": 3, "undoing": 3}


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_two_hundred_ends_at_steps(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    ended = many_ends(project, 2, "forced", 200)
    with capsys.disabled():
        print(f"\nended as they must, of 200: {ended}")


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_three_hundred_signals_at_random_moments(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    ended = many_ends(project, 2, "random", 300)
    with capsys.disabled():
        print(f"\nended as they must, of 300: {ended}")


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


def test_signals_at_random_moments_below_the_supervisor(project: Project) -> None:
    """To the program, or to the supervisor."""
    chance = random.Random(1)
    project.write("busy.py", BUSY)
    for _ in range(5):
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


def test_a_second_signal_ends_the_process_at_once(project: Project) -> None:
    """The report hangs: a sink waits in a full pipe. The first signal waits for it, the second one does not."""
    project.write(
        "busy.py",
        BUSY.replace(
            "print(os",
            "from isolation_audit.process.running_auditor import process\n"
            "process.auditor.stop = lambda: time.sleep(60)\nprint(os",
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
