"""``isolation-audit run``: the program is the same program, and whatever way it ends, the report is there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from doors import Project, clean_environment, cli
from isolation_audit.config import Config

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


def test_without_a_configuration_the_program_is_audited_with_what_needs_none(tmp_path: Path) -> None:
    tmp_path.joinpath("program.py").write_text("from isolation_audit.auditor import current; print(current().config)")
    done = cli("run", "--report", "out", "--", "program.py", cwd=tmp_path)
    assert done.code == 0
    assert done.out.decode().strip() == repr(Config())
    assert done.err.startswith("isolation-audit: no configuration found: watching what needs none\n")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["run"]["config"] is None
    assert report["findings"] == []


SCRIPT = """\
import contextvars
from dataclasses import dataclass
import shop
{before}
current_user = contextvars.ContextVar("current_user", default=None)
current_user.set("alice")
shop.send("alice")
shop.send("bob")
"""


@pytest.mark.parametrize("before", ["", "shop.send('carol')"], ids=["made first", "looked for in vain before"])
def test_the_variable_of_the_script_itself_is_adopted_once_it_exists(tmp_path: Path, before: str) -> None:
    (tmp_path / "shop.py").write_text("def send(to): pass\n")
    (tmp_path / "chat.py").write_text(SCRIPT.format(before=before))
    (tmp_path / "isolation-audit.toml").write_text(
        '[ambient]\ncontextvar = "__main__:current_user"\n[[emitters]]\ntarget = "shop:send"\naddressee = ["args.to"]\n'
    )
    done = cli("run", "--report", "out", "--raw-ids", "--", "chat.py", cwd=tmp_path)
    assert done.code == 0, done.err
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [
        (one["rule"], one["witnesses"]["ambient"], one["witnesses"]["addressee"]) for one in report["findings"]
    ] == [("IA202", "alice", "bob")]
    assert {target["target"]: target["state"] for target in report["targets"]} == {
        "__main__:current_user": "applied",
        "shop:send": "applied",
    }


@pytest.mark.parametrize("source", ["", "current_user = 'alice'"], ids=["missing", "no variable"])
def test_a_script_without_the_variable_is_told(tmp_path: Path, source: str) -> None:
    (tmp_path / "chat.py").write_text(source)
    (tmp_path / "isolation-audit.toml").write_text('[ambient]\ncontextvar = "__main__:current_user"\n')
    done = cli("run", "--", "chat.py", cwd=tmp_path)
    assert done.code == 0
    assert "never found, so never watched: __main__:current_user" in done.err
    assert "IA901" not in done.err


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
    assert "no process of the program has left a report" in done.err


def test_a_gate_does_not_open_for_a_program_that_nobody_audited(project: Project) -> None:
    assert project.run("true", options=("--fail-on", "error")).code == 3


def test_a_program_that_is_no_python(project: Project) -> None:
    assert shutil.which("true")
    done = project.run("true")
    assert (done.code, done.out) == (0, b"")
    assert "no process of the program has left a report" in done.err


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


def test_targets_in_the_script_itself_are_explained(tmp_path: Path) -> None:
    source = "class Emitter:\n    def emit_answer(self):\n        pass\n\nEmitter().emit_answer()\n"
    (tmp_path / "chat.py").write_text(source)
    (tmp_path / "isolation-audit.toml").write_text('[[emitters]]\ntarget = "chat:Emitter"\n')
    done = cli("run", "--", "chat.py", cwd=tmp_path)
    assert done.code == 0
    assert "chat:Emitter is in the script itself, which runs as __main__" in done.err
