"""Virtual environments for programs with pinned packages: made once, shared by programs with the same pins."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import tomllib
from collections import defaultdict
from pathlib import Path

from cases import name_of

ROOT = Path(__file__).resolve().parents[2]


class EnvironmentFailedError(Exception):
    """An environment could not be made; the message is the last thing that the installer said."""


class Environments:
    """A folder of environments, one for each Python and set of pins; what is complete is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        self._making: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
        """Programs with the same pins run side by side, and one of them makes their environment."""

    def python(self, pins: tuple[str, ...], without_dependencies: tuple[str, ...] = ()) -> Path:
        """The interpreter of the environment with these pins and this checkout, made if needed.

        Of ``without_dependencies`` nothing is installed but themselves: what they would pin does not run here.

        Raises:
            EnvironmentFailedError: the packages can't be installed together.
        """
        place = self._folder / _digest(sys.version, str(ROOT), *sorted(pins), *sorted(without_dependencies))
        with self._making[place]:
            return self._made(place, pins, without_dependencies)

    def _made(self, place: Path, pins: tuple[str, ...], without_dependencies: tuple[str, ...]) -> Path:
        python = place / "bin" / "python"
        complete = place / "complete"
        # Our entry points and requirements may have changed since: what is there already is installed again quickly.
        ours = _digest(self._pyproject)
        if not complete.exists():
            _call([sys.executable, "-m", "venv", "--clear", "--without-pip", str(place)])
        if not complete.exists() or complete.read_text(encoding="utf-8") != ours:
            self._install(python, [*pins, *self._ours(pins)])
            if without_dependencies:
                self._install(python, ["--no-deps", *without_dependencies])
            # Without its requirements: the server packages that only the demo needs may be older here than it allows.
            self._install(python, ["--no-deps", "--editable", str(ROOT)])
            complete.write_text(ours, encoding="utf-8")
        return python

    def _ours(self, pins: tuple[str, ...]) -> list[str]:
        """What we need ourselves, without what the program pins."""
        pinned = {name_of(pin) for pin in pins}
        dependencies: list[str] = tomllib.loads(self._pyproject)["project"]["dependencies"]
        return [requirement for requirement in dependencies if name_of(requirement) not in pinned]

    @staticmethod
    def _install(python: Path, words: list[str]) -> None:
        pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
        _call([*pip, "install", "--quiet", *words])


def _digest(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines()
        raise EnvironmentFailedError(errors[-1] if errors else f"{command[0]} ended with {done.returncode}")
