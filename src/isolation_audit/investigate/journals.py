"""The files of journals: found, and read line by line for what is damaged, before a database reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.texts import shown
from isolation_audit.exceptions import UsageError
from isolation_audit.exporters.journal_lines import is_whole, whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LONGEST: Final = 4_000_000
"""Bytes of a line; ours have a hundredth of that at most."""

_older: Final = re.compile(r"\.[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class Journals:
    """Files in which every line is whole."""

    files: tuple[Path, ...]
    lines: int
    damaged: int


def find(paths: Iterable[Path]) -> list[Path]:
    """The files that paths mean: a journal with its older files, or all journals of a folder.

    Raises:
        UsageError: there is none.
    """
    found: dict[Path, None] = {}
    for path in paths:
        try:
            usable = _usable(path)
        except OSError as error:
            raise UsageError(f"can't read {shown(str(path))}: {error.strerror}") from None
        found |= dict.fromkeys(usable)
        if not usable:
            raise UsageError(
                f"there is no journal at {shown(str(path))}; [journal] path names the file that is written"
            )
    return list(found)


def checked(files: Iterable[Path], folder: Path) -> Journals:
    """The same journals without damaged lines: a file that has some is copied into ``folder`` without them.

    The others are linked there. A database takes signs in names for patterns, and endings for compressed forms.

    Raises:
        UsageError: a file can't be read, or has no line of a journal.
    """
    usable, lines, damaged = [], 0, 0
    for number, file in enumerate(files):
        try:
            good, bad = _counted(file)
            if not good and bad:
                raise UsageError(f"{shown(str(file))} is no journal of isolation-audit")
            plain = folder / f"{number}.jsonl"
            usable.append(_copied(file, plain) if bad else _linked(file, plain))
        except OSError as error:
            raise UsageError(f"can't read {shown(str(file))}: {error.strerror}") from None
        lines, damaged = lines + good, damaged + bad
    return Journals(tuple(usable), lines, damaged)


def _usable(path: Path) -> list[Path]:
    files = _in_folder(path) if path.is_dir() else [path, *_older_ones(path)]
    there = [file for file in files if file.exists()]
    for file in there:
        if not file.is_file():
            raise UsageError(f"{shown(str(file))} is not a regular file")
    return [file.resolve() for file in there]


def _in_folder(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if ".jsonl" in file.name and not file.name.endswith(".lock"))


def _older_ones(path: Path) -> list[Path]:
    try:
        beside = list(path.parent.iterdir())
    except OSError:
        return []
    return sorted(file for file in beside if file.stem == path.name and _older.fullmatch(file.suffix))


def _counted(file: Path) -> tuple[int, int]:
    """Lines that are as they were written, and others."""
    good = bad = 0
    with file.open("rb") as source:
        while text := source.readline(LONGEST):
            if is_whole(text[:-1]):
                good += 1
            elif text != b"\n":
                bad += 1
    return good, bad


def _linked(file: Path, link: Path) -> Path:
    try:
        link.symlink_to(file)
    except OSError:  # Windows asks for a right to do so
        return _copied(file, link)
    return link


def _copied(file: Path, copy: Path) -> Path:
    """The lines that can be read, one of another process behind the rest of a cut one included."""
    with file.open("rb") as source, copy.open("wb") as target:
        while text := source.readline(LONGEST):
            read = whole(text.removesuffix(b"\n"))
            if read is not None:
                target.write(read + b"\n")
    return copy
