"""The programs of the corpus: what their headers pin, what they must print, and what the auditor must say of them.

A leaking program is ``case_NAME.py``; a program that must stay silent is ``clean_NAME.py``, or any file in ``safe/``.
The header's first line may pin packages, and the versions with which the same program is clean::

    # requires: redis==4.5.3            control: redis==4.5.5
"""

from __future__ import annotations

import re
import shlex
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

OWN = Path(__file__).with_name("cases")
EXPECTED = Path(__file__).with_name("expected.toml")

_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w,.-]+\])?(===|==|~=|!=|<=|>=|<|>)[^\s]+")
_VARIABLE = re.compile(r"^current_user\b.*=.*\bContextVar\(", re.MULTILINE)


@dataclass(frozen=True)
class Expectation:
    """What must be found: ``users`` in one finding. ``later`` is shown and never fails; ``heavy`` is not run in CI."""

    users: tuple[str, ...] = ()
    later: str = ""
    heavy: bool = False


@dataclass(frozen=True)
class Program:
    """One program with the packages it needs; ``clean`` ones must print OK and be silent."""

    name: str
    file: Path
    pins: tuple[str, ...] = ()
    control: tuple[str, ...] = ()
    """Pins that take the place of their namesakes in the clean version; empty where there is none."""
    variable: bool = False
    """True where the program says who is running in a ContextVar ``current_user`` of its own."""
    clean: bool = False
    expectation: Expectation = field(default_factory=Expectation)

    def controlled(self) -> Program:
        """The same program with the packages that don't leak."""
        names = {name_of(pin) for pin in self.control}
        pins = (*(pin for pin in self.pins if name_of(pin) not in names), *self.control)
        return Program(f"{self.name} (control)", self.file, pins, variable=self.variable, clean=True)


def name_of(requirement: str) -> str:
    """The package that a requirement is about, in its normal form."""
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def read_header(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the first line pins, and its control version; remarks in parentheses and after ``;`` don't count."""
    line = text.partition("\n")[0]
    if not line.startswith("# requires:"):
        return (), ()
    # From the inside outwards, because remarks may hold parentheses themselves.
    while (shorter := re.sub(r"\([^()]*\)", "", line)) != line:
        line = shorter
    requires, _, control = line.removeprefix("# requires:").partition("control:")
    return _requirements(requires), _requirements(control.partition(";")[0])


def _requirements(words: str) -> tuple[str, ...]:
    return tuple(word for word in shlex.split(words) if _REQUIREMENT.fullmatch(word))


def programs(folder: Path, expected: dict[str, Expectation]) -> list[Program]:
    """Every program of a folder, the silent ones last."""
    leaking = [_program(file, file.stem.removeprefix("case_"), expected) for file in sorted(folder.glob("case_*.py"))]
    silent = [*sorted(folder.glob("clean_*.py")), *sorted(folder.glob("safe/*.py"))]
    return [*leaking, *(_program(file, file.stem, expected, clean=True) for file in silent)]


def _program(file: Path, name: str, expected: dict[str, Expectation], *, clean: bool = False) -> Program:
    text = file.read_text(encoding="utf-8")
    pins, control = read_header(text)
    # What nobody has described yet is a newcomer: it is shown.
    known = expected.get(name, Expectation(later="not described"))
    return Program(name, file, pins, control, bool(_VARIABLE.search(text)), clean, known)


def read_expected(file: Path = EXPECTED) -> dict[str, Expectation]:
    """The table of what must be found.

    Raises:
        TypeError: an entry has an unknown key.
    """
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return {name: Expectation(**{**table, "users": tuple(table.get("users", ()))}) for name, table in tables.items()}
