"""The options of ``run``, declared once, and how a plain command line is read without click.

The supervisor lives as long as the program does, so it imports what it needs and no more: click alone takes longer than
all its work until the program has started. Whatever is not plain here (a mistake, ``--help``) is left to click.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Option(NamedTuple):
    """One option: the parameter it fills, what it takes, and its help."""

    parameter: str
    help: str
    words: tuple[str, ...] = ()
    """All that it takes, where the list of them is closed."""
    highest: int | None = None
    """It takes a number from 0 to this."""
    is_path: bool = False
    is_folder: bool = False
    is_flag: bool = False
    default: str | None = None
    """It may be repeated, and this is its value where it is not given."""


OPTIONS = {
    "--config": Option("config", "The configuration file (default: looked for).", is_path=True),
    "--report": Option("report", "Write report.json into this folder.", is_path=True, is_folder=True),
    "--fail-on": Option(
        "fail_on",
        "Exit with 3 if a finding is at least this severe, with 4 if the run was blind; may be repeated.",
        words=("error", "warning", "blind", "partly-blind", "never"),
        default="never",
    ),
    "--depth": Option("depth", "How deep to look (audit.depth).", words=("calls", "state", "heap")),
    "--metrics-port": Option("metrics_port", "Serve /metrics on loopback (0: any free port).", highest=65535),
    "--raw-ids": Option("raw_ids", "Show user ids instead of pseudonyms, everywhere.", is_flag=True),
}


class RunOptions(NamedTuple):
    """What the command line asks for."""

    program: tuple[str, ...]
    config: Path | None = None
    report: Path | None = None
    fail_on: tuple[str, ...] = ("never",)
    depth: str | None = None
    metrics_port: int | None = None
    raw_ids: bool = False


def read(words: list[str]) -> RunOptions | None:
    """What ``words`` ask for, options first; None where click has to look at them."""
    found: dict[str, object] = {}
    rest = iter(words)
    for word in rest:
        name, _, value = word.partition("=")
        option = OPTIONS.get(name)
        if option is None:
            program = tuple(rest) if word == "--" else (word, *rest)
            return None if not program or (word != "--" and word.startswith("-")) else RunOptions(program, **found)  # type: ignore[arg-type]
        if option.is_flag:
            taken: object = None if name != word else True
        else:
            taken = _taken(option, value if name != word else next(rest, ""))
        if taken is None:
            return None
        earlier = found.get(option.parameter, ())
        found[option.parameter] = (*earlier, taken) if option.default and isinstance(earlier, tuple) else taken
    return None


def _taken(option: Option, value: str) -> object:
    """The value that an option gets; None where it is not plainly a good one."""
    if not value or (option.words and value not in option.words):
        return None
    if option.highest is not None:
        plain = value.isascii() and value.isdigit() and len(value) <= len(str(option.highest))
        return int(value) if plain and int(value) <= option.highest else None
    if option.is_path:
        there = os.path.exists(value)  # noqa: PTH110 - a text, as it was given
        fits = not option.is_folder or os.path.isdir(value)  # noqa: PTH112
        if there and not (fits and os.access(value, os.R_OK)):
            return None
        return Path(value)
    return value
