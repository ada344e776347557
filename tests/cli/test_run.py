"""``isolation-audit run``: the program is the same program, and whatever way it ends, the report is there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from doors import Project, clean_environment, cli, wait_for

WORLD = """\
import json, os, sys
import shop
shop.serve()
main = sys.modules["__main__"]
print(json.dumps({"argv": sys.argv, "path0": sys.path[0], "name": __name__, "main": main is not None and main.__name__,
    "cwd": os.getcwd(), "bootstrap": [entry for entry in sys.path if "_bootstrap" in entry],
    "customize": sys.modules.get("sitecustomize") is not None, "package": __package__, "orig": sys.orig_argv[1:]}))
"""

ARGUMENTS = ("plain", "two words", "--", "--help", "--fail-on", "", "ünï", "-m")


def without_program_path(world: dict) -> dict:
    return {key: value for key, value in world.items() if key != "customize"}


@pytest.mark.parametrize("way", ["script", "module", "interpreter", "code", "folder"])
def test_the_program_finds_the_world_as_it_would_without_an_auditor(project: Project, way: str) -> None:
    project.write("program.py", WORLD)
    project.write("folder/__main__.py", WORLD)
    project.write("shop_in_folder.py", "")
    words = {
        "script": ("program.py",),
        "module": ("-m", "program"),
        "interpreter": (sys.executable, "program.py"),
        "code": ("-c", WORLD),
        "folder": ("folder",),
    }[way]
    environment = clean_environment()
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), str(project.folder))))
    bare = [] if way == "interpreter" else [sys.executable]
    expected = subprocess.run(
        [*bare, *words, *ARGUMENTS], cwd=project.folder, env=environment, capture_output=True, check=True
    )
    done = project.run(*words, *ARGUMENTS, environment=environment)
    assert done.code == 0, done.err
    assert without_program_path(json.loads(done.out)) == without_program_path(json.loads(expected.stdout))
    assert json.loads(done.out)["bootstrap"] == []
    assert done.report is not None
    assert done.report["summary"]["events_total"] == 1


def test_a_console_script_of_the_environment_needs_no_path(project: Project) -> None:
    environment = clean_environment(PATH="/usr/bin:/bin")
    done = project.run("pytest", "--version", environment=environment)
    assert (done.code, done.out.split()[0]) == (0, b"pytest")


def test_standard_streams_pass_untouched(project: Project) -> None:
    data = bytes(range(256)) * 512
    done = project.script(
        "import shop, sys; shop.cross(); sys.stdout.buffer.write(sys.stdin.buffer.read())", stdin=data
    )
    assert (done.code, done.out, done.crossings) == (0, data, 1)


@pytest.mark.parametrize(
    ("end", "code", "last_words"),
    [
        ("pass", 0, ""),
        ("sys.exit(7)", 7, ""),
        ("sys.exit('no more paper')", 1, "no more paper"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("os._exit(5)", 5, ""),
        ("os.kill(os.getpid(), signal.SIGTERM)", 128 + 15, ""),
        ("os.kill(os.getpid(), signal.SIGHUP)", 128 + 1, ""),
        ("os.kill(os.getpid(), signal.SIGINT)", 128 + 2, "KeyboardInterrupt"),
        ("os.abort()", 128 + 6, ""),
    ],
)
def test_exit_codes_are_the_programs_own(project: Project, end: str, code: int, last_words: str) -> None:
    done = project.script(
        f"import os, signal, sys, time, shop\nshop.cross(3)\nif {end == 'os.abort()'}: time.sleep(1)\n{end}\n"
    )
    assert done.code == code
    assert last_words in done.err
    assert done.crossings == 3


def test_a_killed_program_leaves_what_was_seen(project: Project) -> None:
    done = project.script("import os, time, shop\nshop.cross(4)\ntime.sleep(1.2)\nos.kill(os.getpid(), 9)\n")
    assert (done.code, done.crossings) == (128 + 9, 4)


@pytest.mark.parametrize(
    ("fail_on", "program", "code"),
    [
        ("error", "shop.cross()", 3),
        ("warning", "shop.cross()", 3),
        ("never", "shop.cross()", 0),
        ("error", "shop.serve()", 0),
        ("warning", "shop.current_user.set(None); shop.Emitter().emit_answer('x', None)", 3),
        ("error", "shop.current_user.set(None); shop.Emitter().emit_answer('x', None)", 0),
        ("error", "raise SystemExit(7)", 7),
    ],
)
def test_fail_on(project: Project, fail_on: str, program: str, code: int) -> None:
    assert project.script(f"import shop\n{program}\n", options=("--fail-on", fail_on)).code == code


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run"], "no program to run"),
        (["run", "--"], "no program to run"),
        (["run", "--", "no-such-program"], "there is no program 'no-such-program'"),
        (["run", "--", "no-such-script.py"], "there is no file 'no-such-script.py'"),
        (["run", "--", "-m"], "-m needs the name of a module"),
        (["run", "--", "-x"], "'-x' is no program"),
        (["run", "--config", "nowhere.toml", "--", "shop.py"], "nowhere.toml"),
        (["run", "--config", "bad.toml", "--", "shop.py"], "bad.toml:2"),
        (["run", "--config", ".", "--", "shop.py"], "folder"),
        (["run", "--report", "shop.py/below", "--", "shop.py"], "can't write the report"),
        (["run", "--", "./not-executable"], "there is no program './not-executable'"),
    ],
)
def test_mistakes_of_the_user_are_one_clear_line(project: Project, words: list[str], message: str) -> None:
    project.write("bad.toml", "[[engines]]\ntargte = 'shop:Engine'\ntarget = 'shop:Engine'\n")
    project.write("not-executable", "")
    done = cli(*words, cwd=project.folder)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) == 1, done.err


def test_no_configuration_is_one_clear_line(tmp_path: Path) -> None:
    tmp_path.joinpath("program.py").touch()
    done = cli("run", "--", "program.py", cwd=tmp_path)
    assert done.code == 2
    assert done.err.startswith("error: no configuration found; write an isolation-audit.toml")


SERVER = """\
import os, signal, sys, time
import shop

shop.cross(2)
{before}
print("up", flush=True)
end = time.monotonic() + 20
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
    os.killpg(process.pid, number)
    done = project.end(process)
    assert "Application shutdown complete" in done.err
    assert "Traceback" not in done.err
    assert done.crossings == 3


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


def test_constructions_are_counted_in_forked_children_too(project: Project) -> None:
    project.write("isolation-audit.toml", "[[engines]]\ntarget = 'shop:Engine'\n")
    done = project.script(
        "import os, shop\nshop.Engine()\npid = os.fork()\nshop.Engine()\nif not pid: os._exit(0)\nos.waitpid(pid, 0)\n"
    )
    assert (done.code, done.report["summary"]["engines_built"]) == (0, 3)


def test_a_failed_exec_changes_nothing(project: Project) -> None:
    done = project.script(
        "import os, shop\nshop.cross()\n"
        "try:\n    os.execvp('no-such-program', ['x'])\nexcept FileNotFoundError:\n    shop.cross(2)\n"
        "try:\n    os._exit('text')\nexcept TypeError:\n    shop.cross(3)\n"
    )
    assert (done.code, done.crossings) == (0, 6)


def test_the_users_own_sitecustomize_runs_as_ever(project: Project) -> None:
    project.write("custom/sitecustomize.py", "import builtins; builtins.customized = True\n")
    environment = clean_environment()
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, (str(project.folder / "custom"), environment.get("PYTHONPATH")))
    )
    text = "import os, sys, shop; shop.cross(); print(customized, sys.modules['sitecustomize'].__file__)"
    done = project.script(text, environment=environment)
    assert (done.code, done.crossings) == (0, 1)
    assert done.out.decode().split() == ["True", str(project.folder / "custom" / "sitecustomize.py")]


def test_a_failing_sitecustomize_of_the_user_fails_as_ever_and_the_audit_runs(project: Project) -> None:
    project.write("custom/sitecustomize.py", "1 / 0\n")
    environment = clean_environment()
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, (str(project.folder / "custom"), environment.get("PYTHONPATH")))
    )
    done = project.script("import shop; shop.cross()", environment=environment)
    assert (done.code, done.crossings) == (0, 1)
    assert "Error in sitecustomize" in done.err
    assert "ZeroDivisionError" in done.err


def test_the_environment_behind_a_symbolic_link(project: Project) -> None:
    import isolation_audit

    source = Path(isolation_audit.__file__).parents[1]
    project.folder.joinpath("link").symlink_to(source)
    environment = clean_environment(PYTHONPATH=str(project.folder / "link"))
    done = project.script(
        "import sys, shop; shop.cross(); print([e for e in sys.path if 'boot' in e])", environment=environment
    )
    assert (done.code, done.out, done.crossings) == (0, b"[]\n", 1), done.err


def test_an_interpreter_without_the_auditor_says_so_in_one_line_and_works(project: Project) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "other"], cwd=project.folder, check=True)
    environment = clean_environment()
    environment.pop("PYTHONPATH", None)
    text = (
        "import subprocess, shop; shop.cross(); subprocess.run(['other/bin/python', '-c', 'print(6 * 7)'], check=True)"
    )
    done = project.script(text, environment=environment)
    lines = [line for line in done.err.splitlines() if line.startswith("isolation-audit: not active in ")]
    assert (done.code, done.out, len(lines)) == (0, b"42\n", 1)
    assert "No module named 'isolation_audit'" in lines[0]
    assert done.crossings == 1


@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
def test_an_isolated_interpreter_can_not_be_audited_and_is_not_called_clean(project: Project, flag: str) -> None:
    done = project.run(sys.executable, flag, "-c", "print('ran')", options=("--fail-on", "never"))
    assert (done.code, done.out) == (0, b"ran\n")
    assert "no process of the program loaded the auditor" in done.err


def test_a_program_that_is_no_python(project: Project) -> None:
    assert shutil.which("true")
    done = project.run("true")
    assert (done.code, done.out) == (0, b"")
    assert "no process of the program loaded the auditor" in done.err


def test_raw_ids_and_pseudonyms(project: Project) -> None:
    project.write("program.py", "import shop; shop.cross()")
    hidden, raw = project.run("program.py"), project.run("program.py", options=("--raw-ids",))
    assert "alice" not in json.dumps(hidden.report) + hidden.err
    assert raw.report["findings"][0]["witnesses"] == {
        "ambient": "alice",
        "owner": None,
        "addressee": "bob",
        "content": None,
    }


def test_without_a_report_folder_nothing_is_left(project: Project) -> None:
    project.write("program.py", "import shop; shop.cross()")
    before = {path.name for path in project.folder.iterdir()}
    done = cli("run", "--", "program.py", cwd=project.folder)
    assert done.code == 0
    assert {path.name for path in project.folder.iterdir()} - {"__pycache__"} == before
    assert "IA202 once" in done.err


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
