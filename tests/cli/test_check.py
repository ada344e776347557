"""``isolation-audit check``: every target is looked up before it is missed in production."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from doors import Project, cli
from isolation_audit.cli import check as check_module
from isolation_audit.cli.commands import cli as command_group
from isolation_audit.exceptions import UsageError


def rows(project: Project, config: str, code: int = 1) -> dict[str, Any]:
    project.write("isolation-audit.toml", config)
    done = cli("check", "--json", cwd=project.folder)
    assert done.code == code, done.err
    answer = json.loads(done.out)
    assert Path(answer["config"]).name == "isolation-audit.toml"
    return {row["target"]: (row["state"], row["detail"]) for row in answer["targets"]}


def engine(target: str, more: str = "") -> str:
    return f'[[engines]]\ntarget = "{target}"\n{more}\n'


def test_a_hundred_missing_modules_get_a_suggestion(project: Project) -> None:
    """Looking for each of thousands takes minutes, and nobody reads so many."""
    found = rows(project, "".join(engine(f"shop{number}:Engine") for number in range(130)))
    suggested = [detail for _, detail in found.values() if "did you mean 'shop'?" in detail]
    assert (len(found), len(suggested)) == (130, 100)


def test_everything_there(project: Project) -> None:
    done = cli("check", cwd=project.folder)
    assert done.code == 0, done.err
    assert b"all targets resolve" in done.out
    answer = json.loads(cli("check", "--json", cwd=project.folder).out)
    assert answer["targets"] == [
        {"target": "shop:current_user", "role": "ambient", "state": "applied", "detail": "", "remarks": []},
        {"target": "shop:Emitter", "role": "emitter", "state": "applied", "detail": "", "remarks": []},
    ]


BROKEN = {
    "raises": ("1 / 0", "importing raises raised ZeroDivisionError: division by zero"),
    "exits": ("import sys; sys.exit(3)", "importing exits raised SystemExit: 3"),
    "syntax": ("def", "importing syntax raised SyntaxError"),
    "needs": (
        "import no_such_dependency",
        "importing needs raised ModuleNotFoundError: No module named 'no_such_dependency'",
    ),
    "interrupts": ("raise KeyboardInterrupt", "importing interrupts raised KeyboardInterrupt"),
}


def test_what_is_wrong_is_said_of_each_target(project: Project) -> None:
    project.write(
        "noise.py",
        "import sys, os\nprint('[1, 2]')\nos.write(1, b'noise')\nimport atexit\natexit.register(print, 'bye')\n"
        "class Engine: pass\ninput_closed = sys.stdin.read() == ''\n",
    )
    project.write("package/__init__.py", "")
    project.write("package/inner.py", "def generate(user):\n    yield user\nclass Engine:\n    def run(self): pass\n")
    for name, (source, _message) in BROKEN.items():
        project.write(f"{name}.py", source)
    config = '[ambient]\ncontextvar = "shop:SHOP"\n'
    config += '[[scopes]]\ntarget = "package.inner:generate"\nuser = ["args.user"]\n'
    config += engine("shop:Engin") + engine("shpo:Engine") + engine("package.iner:Engine") + engine("noise:Engine")
    config += engine("shop:Gone", "optional = true") + engine("nowhere:Gone", "optional = true")
    config += engine("package.inner:Engine", 'requires = ["run", "cleanup"]')
    config += engine("package.inner:Engine.Inner") + engine("shop:cross")
    config += "".join(engine(f"{name}:Engine") for name in BROKEN)
    project.write("shop.py", "SHOP = 1\nclass Engine: pass\ndef cross(): pass\n")
    found = rows(project, config)
    assert found["shop:SHOP"][0] == "missing"
    assert (
        "shop:SHOP is a int, not a ContextVar (for other objects there is [[ambient.holders]]); until that is mended"
        in found["shop:SHOP"][1]
    )
    state, detail = found["package.inner:generate"]
    assert (state, "is a generator" in detail) == ("missing", True)
    assert found["shop:Engin"] == ("missing", "shop has no 'Engin'; did you mean 'Engine'?")
    assert found["shpo:Engine"][0] == "missing"
    assert "there is no module 'shpo'; did you mean 'shop'?" in found["shpo:Engine"][1]
    assert found["package.iner:Engine"] == (
        "missing",
        "there is no module 'package.iner'; did you mean 'package.inner'?",
    )
    assert found["noise:Engine"] == ("applied", "")
    assert found["shop:Gone"][0] == found["nowhere:Gone"][0] == "absent"
    assert found["package.inner:Engine"] == ("incomplete", "the required method 'cleanup' is missing")
    assert found["package.inner:Engine.Inner"][0] == "missing"
    assert found["shop:cross"] == ("missing", "shop:cross is a function, not a class")
    for name, (_source, message) in BROKEN.items():
        assert found[f"{name}:Engine"][0] == "missing"
        assert message in found[f"{name}:Engine"][1]
    screen = cli("check", cwd=project.folder)
    assert screen.code == 1
    assert b"noise" not in screen.out.replace(b"noise:Engine", b"")


FASTAPI = """
from fastapi import APIRouter, Depends, FastAPI

def get_db(): ...
def get_current_user(): ...
def session_person(): ...
def whoami(db=Depends(get_db), user=Depends(get_current_user)): ...

router = APIRouter()

@router.get("/mine")
def mine(who=Depends(whoami)): ...

@router.get("/other")
def other(who=Depends(session_person)): ...

app = FastAPI()
app.include_router(router)

def view(): ...
"""
LITESTAR = """
from litestar import Litestar, get
from litestar.di import Provide

def current_user() -> str: ...

@get("/mine", sync_to_thread=False)
def view(user: str) -> str: ...

app = Litestar([view], dependencies={"user": Provide(current_user, sync_to_thread=False)})
"""
INJECTED = {
    "fastapi": (FASTAPI, {"get_current_user": False, "session_person": True, "whoami": True}),
    "litestar": (LITESTAR, {"current_user": False}),
}


@pytest.mark.parametrize("framework", INJECTED)
def test_what_a_framework_injects_as_the_current_user(project: Project, framework: str) -> None:
    source, expected = INJECTED[framework]
    project.write("site_app.py", source)
    config = '[[scopes]]\ntarget = "site_app:view"\nuser = "args.user"\n'
    project.write("isolation-audit.toml", config)
    found = json.loads(cli("check", "--json", cwd=project.folder).out)["current_users"]
    assert {one["target"]: one["doubt"] for one in found} == {
        f"site_app:{name}": doubt for name, doubt in expected.items()
    }
    if framework == "fastapi":
        project.write("isolation-audit.toml", f'{config}[[users]]\ntarget = "site_app:whoami"\n')
        said = cli("check", cwd=project.folder).out
        assert b"the result of site_app:get_current_user is taken for the current user" in said
        assert b"is the result of site_app:session_person the current user? If so, name it under [[users]]" in said
        assert b"site_app:whoami is" not in said


def test_optional_targets_that_are_absent_are_fine(project: Project) -> None:
    found = rows(project, engine("shop:Gone", "optional = true"), code=0)
    assert found["shop:Gone"][0] == "absent"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import os; os._exit(9)", "ended the process (exit code 9)"),
        ("import os; os.write(2, b'caf\\xe9\\n'); os._exit(9)", "ended the process (exit code 9): caf"),
        ("import os; os.kill(os.getpid(), 11)", "ended the process (exit code -11)"),
    ],
)
def test_an_import_that_ends_the_process(project: Project, source: str, message: str) -> None:
    project.write("deadly.py", source)
    project.write("isolation-audit.toml", engine("deadly:Engine"))
    done = cli("check", cwd=project.folder)
    assert done.code == 2
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_a_thread_that_never_ends_does_not_hold_the_answer_up(project: Project) -> None:
    project.write(
        "busy.py",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(300,)).start()\nclass Engine: pass\n",
    )
    # Were it waited for, the import's time limit would answer instead.
    assert rows(project, engine("busy:Engine"), code=0) == {"busy:Engine": ("applied", "")}


def test_a_hanging_import_is_bounded_and_leaves_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what the module has started goes: here a child that holds the pipes."""
    project.write(
        "hanging.py",
        "import subprocess, time\nchild = subprocess.Popen(['sleep', '300'])\n"
        "open('pid', 'w').write(str(child.pid))\ntime.sleep(300)\n",
    )
    config = project.write("isolation-audit.toml", engine("hanging:Engine"))
    monkeypatch.chdir(project.folder)
    # Long enough for a busy machine to come to the module at all.
    monkeypatch.setattr(check_module, "IMPORT_TIMEOUT", 10)
    with pytest.raises(UsageError, match="importing the application took longer than 10 s"):
        check_module.resolve_targets(config)
    status = Path("/proc") / project.folder.joinpath("pid").read_text() / "stat"
    assert not status.exists() or status.read_text().split()[2] == "Z"


@pytest.mark.parametrize(
    ("config", "message"),
    [("[[engines]]\n", "target"), ("x = \n", "syntax"), (None, "no configuration found")],
)
def test_bad_configurations_are_refused(tmp_path: Path, config: str | None, message: str) -> None:
    if config is not None:
        tmp_path.joinpath("isolation-audit.toml").write_text(config)
    done = cli("check", cwd=tmp_path)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_what_this_version_does_not_use_yet_is_said(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("isolation-audit.toml", engine("shop:Engine") + '[audit]\ndepth = "heap"\n')
    monkeypatch.chdir(project.folder)
    result = CliRunner().invoke(command_group, ["check"])
    assert result.exit_code == 0
    assert "audit.depth" in result.output


def test_an_auditor_in_the_environment_does_not_watch_the_check(project: Project) -> None:
    from doors import clean_environment

    environment = clean_environment(ISOLATION_AUDIT="1")
    assert cli("check", cwd=project.folder, environment=environment).code == 0
