"""Programs that come through a pipe, or need what their starter hands on; and reports that name odd files."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from doors import clean_environment, command

if TYPE_CHECKING:
    from doors import Project

CROSSES = """\
import shop
shop.current_user.set("alice")
shop.Emitter().emit_answer("hello", to="bob")
print("done")
"""


@pytest.mark.parametrize("depth", ["calls", "state"])
def test_a_program_that_comes_through_a_pipe(project: Project, depth: str) -> None:
    """What comes through it comes once: whoever opens it again waits for ever."""
    pipe = project.folder / "program.py"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_text, args=(CROSSES,), daemon=True).start()
    done = project.run("program.py", options=("--depth", depth), timeout=100)
    assert (done.code, done.out, done.crossings) == (0, b"done\n", 1), done.err
    (found,) = [one for one in done.report["findings"] if one["rule"] == "IA202"]
    assert f"--> program.py:{found['site']['line']} in <module>" in done.err


def test_descriptors_are_handed_on_to_the_program(project: Project) -> None:
    """As of a socket that a server is to take over: ``uvicorn --fd 3``."""
    read, write = os.pipe()
    os.write(write, b"given")
    os.close(write)
    script = f"import os; print(os.read({read}, 9), os.read({read}, 9))"
    done = subprocess.run(
        project.command("-c", script),
        cwd=project.folder,
        env=clean_environment(),
        pass_fds=(read,),
        capture_output=True,
        check=False,
    )
    os.close(read)
    assert (done.returncode, done.stdout) == (0, b"b'given' b''\n"), done.stderr


def test_a_report_from_elsewhere_names_what_has_no_lines(project: Project) -> None:
    project.script(CROSSES)
    os.mkfifo(project.folder / "pipe")
    place = project.folder / "out" / "report.json"
    told = json.loads(place.read_text())
    for named, shown_as in ("/dev/zero", "/dev/zero"), ("pipe", "pipe"), ("no\0path", "no\\x00path"):
        told["findings"][0]["site"]["file"] = str(project.folder / named)
        place.write_text(json.dumps(told))
        shown = command("show", "out", cwd=project.folder)
        assert shown.code == 0, shown.err
        assert f"{shown_as}:3 in <module>" in shown.out.decode()
