"""The history: one line of JSON for each run of ``progress`` that found something else, or at another commit."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.foreign_json import parsed
from isolation_audit.exceptions import UsageError
from isolation_audit.progress.matrix import value
from isolation_audit.source.migrate.repository import head_commit
from isolation_audit.source.scan.outputs import append_output
from isolation_audit.source.scan.reading import contents

if TYPE_CHECKING:
    from pathlib import Path

    from isolation_audit.progress.matrix import Figures

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """The figures of one moment. ``time`` is in UTC; ``commit`` None where there is no git."""

    time: dt.datetime
    commit: str | None
    figures: Figures

    @classmethod
    def now(cls, figures: Figures, folder: Path) -> HistoryEntry:
        """Figures of this moment, with the commit that is checked out around ``folder``."""
        return cls(dt.datetime.now(dt.UTC).replace(microsecond=0), head_commit(folder), figures)

    @classmethod
    def parse(cls, line: str) -> HistoryEntry:
        """The entry of a line.

        Raises:
            ValueError, LookupError, TypeError, AttributeError: it is none.
        """
        data = parsed(line)
        time, commit, figures = dt.datetime.fromisoformat(data["time"]), data["commit"], data["figures"]
        if data["schema"] != SCHEMA or time.tzinfo is None or not isinstance(commit, str | None):
            raise ValueError(line)
        for figure in figures.values():
            if figure is not None and (type(figure) not in (int, float) or not 0 <= figure < float("inf")):
                raise ValueError(line)
        return cls(time.astimezone(dt.UTC), commit, figures)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        figures = {key: _rounded(self.figures[key]) for key in sorted(self.figures)}
        return {
            "schema": SCHEMA,
            "time": self.time.isoformat().replace("+00:00", "Z"),
            "commit": self.commit,
            "figures": figures,
        }

    @property
    def day(self) -> str:
        """As in 2026-11-21."""
        return self.time.date().isoformat()


def read(path: Path) -> list[HistoryEntry]:
    """All entries, the oldest first; none where there is no file.

    Raises:
        UsageError: it can't be read, or has a line that is no entry.
    """
    entries = []
    try:
        lines = contents(str(path)).decode().split("\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"{path} is no history of isolation-audit: it is not UTF-8") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                entries.append(HistoryEntry.parse(line))
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                raise UsageError(f"{path}:{number} is no entry of a history; mend the line or delete it") from None
    return _by_time(entries)


def append(path: Path, entries: list[HistoryEntry], entry: HistoryEntry, tree: Path) -> list[HistoryEntry]:
    """Add an entry to the file that has ``entries``, unless it says what is known; gives all entries after it.

    Raises:
        UsageError: the file can't be written, or leads out of ``tree`` through a link.
    """
    data = entry.as_dict()
    # A commit is counted once. Without commits, only what repeats the last entry says nothing.
    for known in entries if entry.commit else entries[-1:]:
        if known.commit == entry.commit and known.as_dict()["figures"] == data["figures"]:
            return entries
    try:
        append_output(path, json.dumps(data), tree)
    except OSError as error:
        raise UsageError(f"can't write {path}: {error.strerror}") from None
    return _by_time([*entries, entry])  # a clock may be slow


def first_known(entries: list[HistoryEntry]) -> Figures:
    """Each figure as it was in the first entry that knows it."""
    keys = {key for entry in entries for key in entry.figures}
    return {
        key: next((known for entry in entries if (known := value(entry.figures, key)) is not None), None)
        for key in keys
    }


def _by_time(entries: list[HistoryEntry]) -> list[HistoryEntry]:
    return sorted(entries, key=lambda entry: entry.time)


def _rounded(figure: float | None) -> float | None:
    return figure if figure is None or type(figure) is int else round(figure, 6)
