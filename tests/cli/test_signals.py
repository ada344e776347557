"""``isolation-audit run``: signals reach the program once, and the report is written however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from doors import Project, clean_environment, wait_for

SERVER = """\
import os, signal, sys, time
import shop

shop.cross(2)
{before}
print("up", flush=True)
end = time.monotonic() + 60
while time.monotonic() < end:
    time.sleep(0.01)
sys.exit("nobody told me to end")
"""

PATIENT = """\
def later(number, frame):
    time.sleep(1)
    shop.cross(5)
    sys.exit(0)
signal.signal(signal.SIGTERM, later)
signal.signal(signal.SIGINT, later)
"""

COUNTING = """\
got = []
def count(number, frame):
    got.append(number)
    if len(got) == 1:
        signal.setitimer(signal.ITIMER_REAL, 0.4)
def say(number, frame):
    print("got", len(got), flush=True)
    sys.exit(0)
signal.signal(signal.SIGALRM, say)
signal.signal(signal.SIGTERM, count)
signal.signal(signal.SIGINT, count)
signal.signal(signal.SIGHUP, count)
"""


@pytest.mark.parametrize("to", ["supervisor", "group"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_arrive_once_and_the_report_is_written(project: Project, number: signal.Signals, to: str) -> None:
    project.write("server.py", SERVER.format(before=COUNTING))
    process = project.start("server.py")
    assert process.stdout.readline() == b"up\n"
    (os.kill if to == "supervisor" else os.killpg)(process.pid, number)
    done = project.end(process)
    assert (done.code, done.out, done.crossings) == (0, b"got 1\n", 2)
    assert "Traceback" not in done.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("to", ["supervisor", "group"])
def test_a_plain_program_ends_by_the_signal_with_its_report(project: Project, number: signal.Signals, to: str) -> None:
    project.write("server.py", SERVER.format(before=""))
    process = project.start("server.py")
    assert process.stdout.readline() == b"up\n"
    (os.kill if to == "supervisor" else os.killpg)(process.pid, number)
    done = project.end(process)
    assert (done.code, done.crossings) == (128 + number, 2)
    assert done.err.count("Traceback") == (number == signal.SIGINT)


def test_a_program_may_take_its_time_to_end(project: Project) -> None:
    project.write("server.py", SERVER.format(before=PATIENT))
    process = project.start("server.py")
    assert process.stdout.readline() == b"up\n"
    process.send_signal(signal.SIGTERM)
    done = project.end(process)
    assert (done.code, done.crossings) == (0, 7)


def test_signals_that_are_ignored_stay_ignored(project: Project) -> None:
    project.write("nohup.py", "import signal, shop; shop.cross(); print(signal.getsignal(signal.SIGHUP).name)")
    command = project.command("nohup.py")
    code = f"import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv({command[0]!r}, {command!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project.folder, env=clean_environment(), capture_output=True, check=True
    )
    assert done.stdout == b"SIG_IGN\n"


SERVED = """\
import shop

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                shop.cross(3)
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_uvicorn_shuts_down_in_order(project: Project, number: signal.Signals) -> None:
    """It hands the signal back to the default after its shutdown; a second SIGINT would have cut that short."""
    project.write("served.py", SERVED)
    process = project.start("uvicorn", "served:app", "--port", "0", "--lifespan", "on")
    seen = b""
    while b"Uvicorn running" not in seen:
        seen = process.stderr.readline()
        assert seen, "uvicorn ended"
    time.sleep(0.5)  # uvicorn 0.29 says so a moment before it is ready for signals
    os.killpg(process.pid, number)
    done = project.end(process)
    assert "Application shutdown complete" in done.err
    assert "Traceback" not in done.err
    assert done.crossings == 3


def test_the_supervisor_leaves_no_process_behind(project: Project) -> None:
    project.write("server.py", SERVER.format(before=""))
    process = project.start("server.py")
    assert process.stdout.readline() == b"up\n"
    group = process.pid
    process.send_signal(signal.SIGTERM)
    project.end(process)

    def gone() -> bool:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        return False

    wait_for(gone, 5)
