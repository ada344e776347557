"""Installed packages that are the application itself, by what installers and the command line say of them.

``pip install .`` in an image puts the application beside its libraries. What was installed from a folder is somebody's
own, as no library is that comes from an index. What a server is told to serve (``uvicorn shop.main:app``), what Python
runs (``python -m shop``) and what a command belongs to is the application as well, but it may be somebody else's.
"""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from isolation_audit.analysis.frames import FRAMEWORKS, is_the_application
from isolation_audit.analysis.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_OURS: Final = "isolation_audit"
_FOLDERS: Final = ("site-packages", "dist-packages")
_VARIABLES: Final = ("DJANGO_SETTINGS_MODULE", "FLASK_APP")
_OPTIONS: Final = frozenset({"-A", "--app", "--settings"})
_target: Final = pattern(r"([A-Za-z_]\w*)(?:\.\w+)*:[\w.]+(?:\(.*\))?")
_module: Final = pattern(r"([A-Za-z_]\w*)(?:\.\w+)*")
_command: Final = pattern(r"^([\w.-]+)\s*=\s*([A-Za-z_]\w*)", re.MULTILINE)
_LARGEST: Final = 2_000_000
"""Characters of the list of a distribution's files."""


class Application(NamedTuple):
    """Top packages and modules: those that were installed from a folder, and those that are served or run."""

    own: frozenset[str]
    run: frozenset[str]


def recognise() -> None:
    """Find out what is the application of this process, for everybody who asks ``analysis/frames.py``."""
    places = [Path(one) for one in dict.fromkeys(sys.path) if one.rstrip("/").endswith(_FOLDERS)]
    is_the_application(*installed_application(places, sys.orig_argv, os.environ))


def installed_application(places: Sequence[Path], words: Sequence[str], environment: Mapping[str, str]) -> Application:
    """What of the packages in some folders is the application, of a process that was started with these words."""
    own = frozenset(name for place in places for name in _from_folders(place))
    run = frozenset(name for name in _served(words, environment) if _is_in(name, places))
    return Application(_no_libraries(own), _no_libraries([*run, *_of_command(words, places)]))


def _no_libraries(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name in names if name not in FRAMEWORKS and name != _OURS)


def _is_in(name: str, places: Iterable[Path]) -> bool:
    return any((place / name).is_dir() or (place / f"{name}.py").is_file() for place in places)


def _from_folders(place: Path) -> Iterator[str]:
    """The packages of distributions that were installed from a folder, without being left there."""
    for found in place.glob("*.dist-info/direct_url.json"):
        with suppress(OSError, ValueError, AttributeError):
            told = json.loads(found.read_text(encoding="utf-8")).get("dir_info")
            if told is not None and not told.get("editable"):
                yield from _packages_of(found.parent)


def _packages_of(about: Path) -> Iterator[str]:
    for line in (about / "RECORD").read_text(encoding="utf-8")[:_LARGEST].splitlines():
        file = line.partition(",")[0]
        first, inside, _rest = file.partition("/")
        if file.endswith(".py") and not first.startswith((".", "__")):
            yield first if inside else first.removesuffix(".py")


def _served(words: Sequence[str], environment: Mapping[str, str]) -> Iterator[str]:
    """What a server, a worker or Python itself is told to run."""
    named = [environment.get(one, "") for one in _VARIABLES]
    for before, word in zip(["", *words], words, strict=False):
        option, is_set, value = word.partition("=")
        if before in {"-m", *_OPTIONS}:
            named.append(word)
        elif is_set and option in _OPTIONS:
            named.append(value)
        elif (found := _target.fullmatch(word)) is not None:
            yield found[1]
    yield from (found[1] for one in named if (found := _target.fullmatch(one) or _module.fullmatch(one)) is not None)


def _of_command(words: Sequence[str], places: Iterable[Path]) -> Iterator[str]:
    """The packages of the distributions that a command on the line belongs to, as ``bin/mlflow`` does."""
    scripts = {Path(word).name for word in words[1:3] if os.sep in word}
    for place in places if scripts else ():
        for found in place.glob("*.dist-info/entry_points.txt"):
            with suppress(OSError, UnicodeDecodeError):
                commands = found.read_text(encoding="utf-8").partition("[console_scripts]")[2].partition("\n[")[0]
                yield from (package for name, package in _command.findall(commands) if name in scripts)
