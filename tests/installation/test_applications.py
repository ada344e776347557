"""The wheel, installed beside applications of every age: nothing of theirs changes, and each can be audited."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from applications import APPLICATIONS, NO_FRAMEWORK, OLDEST, UVICORN, Application

from doors import Done, clean_environment
from trees import CONFIG, OLD, write_tree

CHECKOUT = Path(__file__).parents[2]
APPS = Path(__file__).parent / "apps"
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
CORE = {"isolation-audit", "wrapt", "contextvars-extras", "sentinel-value", "click", "rich"}
OF_RICH = {"commonmark", "markdown-it-py", "mdurl", "pygments", "typing-extensions"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*cache*", ".isolation-audit")
    shutil.copytree(CHECKOUT, folder / "source", ignore=ignored)
    subprocess.run(
        [*PIP, "wheel", "--no-deps", "-w", folder, folder / "source"], env=bare_environment(), check=True, timeout=300
    )
    return next(folder.glob("*.whl"))


def bare_environment(**more: str) -> dict[str, str]:
    environment = clean_environment(**more)
    environment.pop("PYTHONPATH", None)
    return environment


class Place:
    """A virtual environment without pip of its own, as small as it gets."""

    def __init__(self, folder: Path, *packages: str) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.bin = folder / "bin"
        self.packages = next(folder.glob("lib/python*/site-packages"))
        self.pip("install", "--prefer-binary", *packages)

    def pip(self, *words: object) -> None:
        command = [*PIP, "--python", self.bin / "python", *map(str, words)]
        done = subprocess.run(command, env=bare_environment(), capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr

    def versions(self) -> dict[str, str]:
        """As ``pip freeze`` has them."""
        found = metadata.distributions(path=[str(self.packages)])
        return {one.metadata["Name"].lower().replace("_", "-"): one.version for one in found}

    def run(self, *words: str, cwd: Path, **variables: str) -> Done:
        command = [self.bin / words[0], *words[1:]]
        done = subprocess.run(
            command, cwd=cwd, env=bare_environment(**variables), capture_output=True, timeout=280, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr.decode(), None)


def choice(application: Application) -> object:
    # The others take long and hardly change: `make test-long` has them.
    marks = [] if application in {OLDEST, NO_FRAMEWORK} else [pytest.mark.long]
    return pytest.param(application, id=application.name, marks=marks)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("application", [choice(application) for application in APPLICATIONS])
def test_nothing_of_the_application_changes_and_it_is_audited(
    application: Application, wheel: Path, tmp_path: Path
) -> None:
    place = Place(tmp_path / "venv", *application.packages)
    apps = shutil.copytree(APPS, tmp_path / "apps")
    before = place.versions()
    bare = place.run("python", "ask.py", *application.words, cwd=apps)
    assert bare.code == 0, bare.err

    place.pip("install", wheel)
    after = place.versions()
    assert {name: after.get(name) for name in before} == before
    assert after.keys() - before.keys() <= CORE | OF_RICH

    audited = place.run(
        *("isolation-audit", "run", "--report", "out", "--", "python", "ask.py", *application.words), cwd=apps
    )
    assert audited.code == 0, audited.err
    assert json.loads(audited.out) == json.loads(bare.out)
    report = json.loads(apps.joinpath("out", "report.json").read_text())
    assert report["summary"]["faults"] == 0
    assert report["summary"]["requests_named"] > 0
    (leak,) = [finding for finding in report["findings"] if finding["rule"] == "IA203"]
    assert leak["count"] == 2
    late = [finding["count"] for finding in report["findings"] if finding["rule"] == "IA307"]
    assert late == ([3] if application.words == UVICORN else [])

    # What was there is there again, and nothing of ours runs any more.
    assert place.run("isolation-audit", "activate", cwd=apps).code == 0
    place.pip("uninstall", "--yes", "isolation-audit")
    assert list(place.packages.glob("*isolation*")) == []
    gone = place.versions()
    assert {name: gone[name] for name in before} == before
    again = place.run("python", "ask.py", *application.words, cwd=apps, ISOLATION_AUDIT="1")
    assert (again.code, again.out) == (0, bare.out)
    assert "isolation" not in again.err


COMMANDS = {
    "--help": 0,
    "--version": 0,
    "run --report out -- -c pass": 0,
    "check": 0,
    "scan": 1,
    "scan --format markdown": 1,
    "migrate": 1,
    "rules": 0,
    "rules IA202": 0,
    "compare out out": 0,
    "gate out": 1,
    "progress out": 0,
    "deactivate": 0,
    "demo --list-faults": 0,
    "nothing": 2,
}


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_commands_with_the_lowest_versions(wheel: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "venv", *NO_FRAMEWORK.packages, wheel)
    write_tree(tmp_path, {**OLD, "isolation-audit.toml": CONFIG, "chat.py": "from app.old import Engine\n"})
    for words, code in COMMANDS.items():
        done = place.run("isolation-audit", *words.split(), cwd=tmp_path)
        assert (done.code, "Traceback" in done.err) == (code, False), (words, done)
    demo = place.run("isolation-audit", "demo", cwd=tmp_path)
    assert (demo.code, demo.out) == (2, b"")
    assert demo.err == "error: demo needs an optional part: pip install 'isolation-audit[demo]'\n"
