"""``isolation-audit run``: every process below the program is audited, and all of them make one report."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from doors import Project

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


def test_uvicorn_workers_are_merged(project: Project) -> None:
    project.write("served.py", SERVED + "\nshop.cross(10)\n")
    process = project.start("uvicorn", "served:app", "--port", "0", "--lifespan", "on", "--workers", "2")
    up = 0
    while up < 2:
        line = process.stderr.readline()
        assert line, "uvicorn ended"
        up += b"Application startup complete" in line
    process.send_signal(signal.SIGTERM)
    done = project.end(process)
    assert done.code in (0, 128 + 15)
    assert done.crossings == 2 * (10 + 3)
    assert len(done.report["run"]["processes"]) >= 3


CHILDREN = {
    "subprocess": "subprocess.run([sys.executable, '-c', 'import shop; shop.cross(10)'], check=True)",
    "fork": "multiprocessing.get_context('fork').Process(target=shop.cross, args=(10,))",
    "spawn": "multiprocessing.get_context('spawn').Process(target=shop.cross, args=(10,))",
    "forkserver": "multiprocessing.get_context('forkserver').Process(target=shop.cross, args=(10,))",
    "os.fork": "fork()",
    "pool": "concurrent.futures.ProcessPoolExecutor(2)",
    "exec": "os.execv(sys.executable, [sys.executable, '-c', 'import shop; shop.cross(10)'])",
}

PARENT = """\
import concurrent.futures, multiprocessing, os, subprocess, sys
import shop

def fork():
    pid = os.fork()
    if pid == 0:
        shop.cross(10)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0

if __name__ == "__main__":
    shop.cross(1)
    child = {child}
    if isinstance(child, concurrent.futures.Executor):
        with child:
            list(child.map(shop.cross, [4, 6]))
    elif hasattr(child, "start"):
        child.start()
        child.join()
        assert child.exitcode == 0
"""


@pytest.mark.parametrize("kind", CHILDREN)
def test_every_kind_of_child_is_covered_and_merged(project: Project, kind: str) -> None:
    done = project.script(PARENT.format(child=CHILDREN[kind]))
    assert done.code == 0, done.err
    assert done.crossings == 11
    assert done.report["summary"]["findings"] == {"IA202": 11}
    assert sum(finding["count"] for finding in done.report["findings"]) == 11
    assert not (project.folder / "out" / "processes").exists(), "the parts are merged, and gone"


OUTLIVING = """\
import subprocess, sys
import shop

LATE = '''
import os, time
import shop
shop.cross(1)
deadline = time.monotonic() + 60
while os.path.exists("out/processes") and time.monotonic() < deadline:
    time.sleep(0.01)
shop.cross(5)
time.sleep(0.7)
print("late")
'''
subprocess.Popen([sys.executable, "-c", LATE])
shop.cross(2)
"""


def test_what_outlives_the_program_leaves_nothing_behind(project: Project) -> None:
    done = project.script(OUTLIVING)  # ends when the last process does
    assert (done.code, done.out) == (0, b"late\n"), done.err
    assert done.crossings in (2, 3)
    assert "Error" not in done.err
    assert [path.name for path in (project.folder / "out").iterdir()] == ["report.json"]


def test_constructions_are_counted_in_forked_children_too(project: Project) -> None:
    project.write("isolation-audit.toml", "[[engines]]\ntarget = 'shop:Engine'\n")
    done = project.script(
        "import os, shop\nshop.Engine()\npid = os.fork()\nshop.Engine()\nif not pid: os._exit(0)\nos.waitpid(pid, 0)\n"
    )
    assert (done.code, done.report["summary"]["engines_built"]) == (0, 3)


def test_a_process_that_ends_itself_by_a_signal_has_reported(project: Project) -> None:
    done = project.script(
        "import shop, signal\nsignal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
        "try:\n    signal.raise_signal('text')\nexcept TypeError:\n    shop.cross(2)\n"
        "shop.cross(3)\nsignal.raise_signal(signal.SIGTERM)\n"
    )
    assert (done.code, done.crossings) == (128 + signal.SIGTERM, 5)


def test_a_failed_exec_changes_nothing(project: Project) -> None:
    done = project.script(
        "import os, shop\nshop.cross()\n"
        "try:\n    os.execvp('no-such-program', ['x'])\nexcept FileNotFoundError:\n    shop.cross(2)\n"
        "try:\n    os._exit('text')\nexcept TypeError:\n    shop.cross(3)\n"
    )
    assert (done.code, done.crossings) == (0, 6)
