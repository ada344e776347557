"""The auditor from the environment: the installed .pth, ``import isolation_audit.auto``, and the public API's edges."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import isolation_audit
from doors import Done, Project, clean_environment, wait_for
from isolation_audit.auditor import Auditor, current, instrument, uninstrument
from isolation_audit.cli import pth
from isolation_audit.cli.pth import pth_file
from isolation_audit.config import load_config
from isolation_audit.exceptions import ConfigError, MissingExtraError, UsageError

CHECKOUT = Path(__file__).parents[1]


class Environment:
    """A throw-away virtual environment that sees the packages of this one."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.python = folder / "bin" / "python"
        here = Path(isolation_audit.__file__).parents[1]
        packages = next(folder.glob("lib/python*/site-packages"))
        packages.joinpath("a_here.pth").write_text("\n".join([str(here), *filter(os.path.isdir, sys.path)]) + "\n")
        self.pth = packages / pth.NAME

    def run(self, *words: str, cwd: Path, **variables: str) -> Done:
        environment = clean_environment(**variables)
        if "PYTHONPATH" not in variables:
            environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            [self.python, *words], cwd=cwd, env=environment, capture_output=True, timeout=280, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr.decode(), None)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("environment") / "venv")


@pytest.fixture
def active(environment: Environment, tmp_path: Path):
    done = environment.run("-m", "isolation_audit", "activate", cwd=tmp_path)
    assert done.code == 0, done.err
    yield environment
    environment.pth.unlink(missing_ok=True)


CROSS = "import sys, shop; shop.cross(2); print('done', 'isolation_audit' in sys.modules)"


def test_activate_and_deactivate(active: Environment, project: Project) -> None:
    assert active.pth.is_file()
    silent = active.run("-c", CROSS, cwd=project.folder)
    assert (silent.code, silent.out, silent.err) == (0, b"done False\n", "")
    for off in ("0", "", "no", "off"):
        done = active.run("-c", CROSS, cwd=project.folder, ISOLATION_AUDIT=off)
        assert (done.out, done.err) == (b"done False\n", ""), "nothing of ours is imported"
    audited = active.run("-c", CROSS, cwd=project.folder, ISOLATION_AUDIT="1")
    assert (audited.code, audited.out) == (0, b"done True\n")
    assert "error[IA202]" in audited.err
    assert "IA202 2 times" in audited.err
    gone = active.run("-m", "isolation_audit", "deactivate", cwd=project.folder)
    assert (gone.code, gone.out.split()[0]) == (0, b"removed")
    assert not active.pth.exists()
    assert active.run("-c", CROSS, cwd=project.folder, ISOLATION_AUDIT="1").err == ""
    again = active.run("-m", "isolation_audit", "deactivate", cwd=project.folder)
    assert (again.code, again.out) == (0, b"was not active in this environment\n")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("[[engines]]\ntargte = 'x:Y'\n", "isolation-audit.toml:"),
        ("[otlp]\nendpoint = 7\n", "isolation-audit.toml:2"),
        ("\x00", "isolation-audit.toml"),
        (None, "no configuration found"),
    ],
)
def test_a_bad_configuration_is_said_and_the_application_starts(
    active: Environment, project: Project, config: str | None, message: str
) -> None:
    path = project.folder / "isolation-audit.toml"
    path.unlink()
    if config is not None:
        path.write_text(config)
    done = active.run("-c", "import shop; shop.cross(); print('up')", cwd=project.folder, ISOLATION_AUDIT="1")
    assert (done.code, done.out) == (0, b"up\n")
    lines = done.err.splitlines()
    assert len(lines) == len(set(lines)) > 0
    assert all(line.startswith("isolation-audit: not active: ") for line in lines), done.err
    assert message in done.err


BROKEN = {
    "no package": ("", "No module named 'isolation_audit"),
    "a part is missing": ("", "No module named 'isolation_audit.activate'"),
    "it does not compile": ("def", "invalid syntax"),
    "it raises": ("raise RuntimeError('of another\\nversion')", "of another"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_or_removed_package_is_one_line_and_the_application_starts(
    active: Environment, tmp_path: Path, kind: str
) -> None:
    text, message = BROKEN[kind]
    words = {"ISOLATION_AUDIT": "1"}
    if kind == "no package":
        packages = active.pth.with_name("a_here.pth")
        away = packages.rename(tmp_path / "away")
    else:
        tmp_path.joinpath("isolation_audit").mkdir()
        tmp_path.joinpath("isolation_audit", "__init__.py").write_text(text)
        words["PYTHONPATH"] = str(tmp_path)
    try:
        done = active.run("-c", "print('up')", cwd=tmp_path, **words)
        silent = active.run("-c", "print('up')", cwd=tmp_path, **words | {"ISOLATION_AUDIT": "0"})
    finally:
        if kind == "no package":
            away.rename(packages)
    assert (done.code, done.out) == (0, b"up\n")
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("isolation-audit: not active: ")
    assert message in done.err
    assert (silent.code, silent.out, silent.err) == (0, b"up\n", "")


def test_a_broken_dependency_is_told_under_run_and_what_needs_none_is_watched(project: Project) -> None:
    project.write("wrapt.py", "raise ValueError('not what it was')\n")
    environment = clean_environment(PYTHONPATH=str(project.folder))
    done = project.run("-c", "print('up')", environment=environment)
    assert (done.code, done.out) == (0, b"up\n")
    assert re.search(r"warning\[IA903\]: _?io:open: ValueError inside the auditor", done.err)
    assert "Traceback" not in done.err


def test_run_with_the_switch_off_in_a_child_imports_nothing_there(project: Project) -> None:
    child = "import sys; print('isolation_audit' in sys.modules)"
    program = (
        "import os, subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {child!r}], env={{**os.environ, 'ISOLATION_AUDIT': '0'}}, check=True)\n"
    )
    done = project.script(program)
    assert (done.code, done.out) == (0, b"False\n")


def test_a_forking_application_leaves_one_report(active: Environment, project: Project) -> None:
    program = (
        "import multiprocessing as m, shop\n"
        "if __name__ == '__main__':\n"
        "    shop.cross(1)\n"
        "    for way, n in (('fork', 10), ('spawn', 100)):\n"
        "        child = m.get_context(way).Process(target=shop.cross, args=(n,))\n"
        "        child.start()\n"
        "        child.join()\n"
    )
    project.write("program.py", program)
    done = active.run("program.py", cwd=project.folder, ISOLATION_AUDIT="1", ISOLATION_AUDIT_REPORT="out")
    assert done.code == 0, done.err
    assert project.report()["summary"]["crossing_events"] == 111


FORKS = """
import os, threading, shop
from isolation_audit.exporters import report

def counted(*arguments, parts=report.parts):
    with open("read", "ab") as file:
        file.write(b".")
    return parts(*arguments)

report.parts = counted
ended = threading.Event()
threads = [threading.Thread(target=ended.wait) for _ in range(4)]
[thread.start() for thread in threads]
for number in range(20):
    if not (child := os.fork()):
        shop.cross(2)
        os._exit(0)
    os.waitpid(child, 0)
ended.set()
"""


def test_forks_leave_the_common_report_to_the_process_that_forked_them(active: Environment, project: Project) -> None:
    """If each child put all parts together, two hundred would read twenty thousand."""
    project.write("program.py", FORKS)
    project.write("out/report.json", "{}")  # of an earlier run
    os.utime(project.folder / "out" / "report.json", (1, 1))
    words = ("-W", "ignore:This process:DeprecationWarning", "program.py")
    done = active.run(*words, cwd=project.folder, ISOLATION_AUDIT="1", ISOLATION_AUDIT_REPORT="out")
    assert done.code == 0, done.err
    assert (project.folder / "read").read_bytes() == b"."
    assert project.report()["summary"]["crossing_events"] == 40
    assert len(project.report()["run"]["processes"]) == 21


def test_a_child_that_outlives_the_process_that_forked_it_puts_the_report_together(
    active: Environment, project: Project
) -> None:
    program = (
        "import os, signal, shop, time\n"
        "parent = os.getpid()\n"
        "if os.fork():\n"
        "    shop.cross(1)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "shop.cross(2)\n"
        "while os.getppid() == parent:\n"
        "    time.sleep(0.01)\n"
    )
    project.write("program.py", program)
    active.run("program.py", cwd=project.folder, ISOLATION_AUDIT="1", ISOLATION_AUDIT_REPORT="out")
    wait_for(lambda: project.report() is not None)
    assert project.report()["summary"]["crossing_events"] >= 2


def test_closed_standard_error(active: Environment, project: Project) -> None:
    command = f"{active.python} -c 'import shop; shop.cross(); print(6 * 7)' 2>&-"
    for more in ({}, {"ISOLATION_AUDIT_CONFIG": "nowhere.toml"}):
        environment = clean_environment(ISOLATION_AUDIT="1", ISOLATION_AUDIT_REPORT="out", **more)
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            ["bash", "-c", command], cwd=project.folder, env=environment, capture_output=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, b"42\n")
    assert project.report()["summary"]["faults"] == 0


def test_our_own_commands_are_not_audited(active: Environment, project: Project) -> None:
    done = active.run("-m", "isolation_audit", "check", cwd=project.folder, ISOLATION_AUDIT="1")
    assert (done.code, done.err) == (0, "")
    nested = active.run(
        "-m", "isolation_audit", "run", "--", "-c", "import shop; shop.cross()", cwd=project.folder, ISOLATION_AUDIT="1"
    )
    assert nested.code == 0
    assert nested.err.count("error[IA202]") == 1


def test_an_environment_that_can_not_be_written(environment: Environment, tmp_path: Path) -> None:
    environment.pth.mkdir()
    try:
        done = environment.run("-m", "isolation_audit", "activate", cwd=tmp_path)
    finally:
        environment.pth.rmdir()
    assert (done.code, done.out) == (2, b"")
    assert done.err.startswith(f"error: can't write {environment.pth}: ")
    assert len(done.err.splitlines()) == 1


def test_the_pth_belongs_to_this_environment() -> None:
    assert pth_file().name == pth.NAME
    assert str(pth_file()).startswith(sys.prefix)


def test_auto(project: Project) -> None:
    project.write("program.py", "import isolation_audit.auto\nimport shop\nshop.cross(3)\n")
    environment = clean_environment(ISOLATION_AUDIT_REPORT="out")
    command = [sys.executable, "program.py"]
    done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, check=True)
    assert b"IA202 3 times" in done.stderr
    assert project.report()["summary"]["crossing_events"] == 3
    project.write("isolation-audit.toml", "?")
    done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, check=True)
    assert done.stderr.startswith(b"isolation-audit: not active: ")


def test_auto_after_the_application_says_that_it_is_late(project: Project) -> None:
    project.write("isolation-audit.toml", "[[engines]]\ntarget = 'shop:Engine'\n")
    project.write("program.py", "import shop\nearly = shop.Engine()\nimport isolation_audit.auto\nshop.Engine()\n")
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=project.folder, env=clean_environment(), capture_output=True, check=True
    )
    assert b"IA902 once: shop:Engine: 1 object(s) existed before the auditor came" in done.stderr


@pytest.fixture
def config(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(project.folder)
    monkeypatch.delenv("ISOLATION_AUDIT_REPORT", raising=False)
    yield load_config(project.folder / "isolation-audit.toml")
    uninstrument()


def test_instrument_twice_is_once(config) -> None:
    config = replace(config, report=replace(config.report, terminal=False))
    first = instrument(config)
    assert instrument(config) is first is current()
    with pytest.raises(UsageError, match="another configuration is running"):
        instrument(replace(config, scopes=()) if config.scopes else replace(config, emitters=()))
    uninstrument()
    uninstrument()
    assert current() is None
    second = instrument(config)
    assert second is not first


def test_instrument_finds_the_configuration_or_says_that_there_is_none(config, monkeypatch, tmp_path_factory) -> None:
    assert instrument().config.source.name == "isolation-audit.toml"
    uninstrument()
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    with pytest.raises(UsageError, match="no configuration found"):
        instrument()
    Path("isolation-audit.toml").write_text("wrong = 1\n")
    with pytest.raises(ConfigError):
        instrument()
    assert current() is None


def test_a_missing_extra_is_known_before_anything_is_touched(config) -> None:
    def no_sinks(*_arguments, **_named):
        raise MissingExtraError("prometheus", "prometheus")

    auditor = Auditor(config, no_sinks)
    with pytest.raises(MissingExtraError, match="pip install"):
        auditor.start()
    assert current() is None
    auditor.stop()
    with Auditor(config):
        assert current() is not None


def test_two_auditors_at_once_are_refused(config) -> None:
    with Auditor(config) as first:
        with pytest.raises(UsageError, match="running already"):
            Auditor(config).start()
        assert current() is first
        assert first.start() is first
    assert current() is None


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_wheel_alone_runs_the_demo(tmp_path: Path) -> None:
    """Built from the checkout, installed with the demo's extra into an empty environment, run elsewhere."""
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*cache*", ".isolation-audit")
    shutil.copytree(CHECKOUT, source, ignore=ignored)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    pip = [tmp_path / "venv" / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    environment = clean_environment()
    environment.pop("PYTHONPATH", None)
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, source], env=environment, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "isolation_audit/_examples/agent_chat/isolation-audit.toml" in names
    assert "isolation_audit/_bootstrap/sitecustomize.py" in names
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]
    subprocess.run([*pip, "install", f"{wheel}[demo]"], env=environment, check=True)
    command = [tmp_path / "venv" / "bin" / "isolation-audit", "demo", "--users", "5", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    engines = json.loads(done.stdout)["engines"]
    assert engines["legacy"]["crossing_events"] == engines["legacy"]["foreign_events_seen_by_clients"] > 0
    assert engines["user"]["crossing_events"] == engines["user"]["foreign_events_seen_by_clients"] == 0
