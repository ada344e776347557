"""The history: a line for each run that has something to say."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from isolation_audit.exceptions import UsageError
from isolation_audit.progress import history
from isolation_audit.progress.history import HistoryEntry
from isolation_audit.progress.plot import as_svg

if TYPE_CHECKING:
    from pathlib import Path


def entry(day: int, commit: str | None, count: float | None) -> HistoryEntry:
    figures = {"source.references": count, "source.phase.P0": count}
    return HistoryEntry(dt.datetime(2026, 11, day, 12, tzinfo=dt.UTC), commit, figures)


def written(path: Path, *entries: HistoryEntry) -> list[HistoryEntry]:
    for one in entries:
        history.append(path, history.read(path), one, path.parent)
    return history.read(path)


def test_entries_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "history.jsonl"
    three = [entry(1, "aa", 5), entry(2, "bb", None), entry(3, None, 0.25)]
    assert history.read(path) == []
    assert written(path, *three) == three
    assert len(path.read_text().splitlines()) == 3


def test_a_commit_with_the_same_figures_is_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    assert len(written(path, entry(1, "aa", 5), entry(2, "bb", 4), entry(3, "aa", 5))) == 2
    assert len(written(path, entry(4, "aa", 3))) == 3


def test_without_commits_a_repetition_says_nothing_and_a_return_does(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    assert len(written(path, entry(1, None, 5), entry(2, None, 5))) == 1
    assert len(written(path, entry(3, None, 4), entry(4, None, 5))) == 3


def test_a_line_end_that_is_missing_is_added(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    written(path, entry(1, None, 5))
    path.write_text(path.read_text().rstrip("\n"))
    assert len(written(path, entry(2, None, 4))) == 2


@pytest.mark.parametrize(
    "line",
    [
        "{", "[]", "3", '{"schema": 1}', '{"schema": 1, "time": "2026-11-21T00:00:00", "commit": null, "figures": {}}',
        '{"schema": 2, "time": "2026-11-21T00:00:00Z", "commit": null, "figures": {}}',
        '{"schema": 1, "time": "2026-11-21T00:00:00Z", "commit": 5, "figures": {}}',
        '{"schema": 1, "time": "2026-11-21T00:00:00Z", "commit": null, "figures": {"source.references": -1}}',
        '{"schema": 1, "time": "2026-11-21T00:00:00Z", "commit": null, "figures": {"source.references": NaN}}',
        '{"schema": 1, "time": "2026-11-21T00:00:00Z", "commit": null, "figures": {"source.references": true}}',
        '{"schema": 1, "time": "2026-11-21T00:00:00Z", "commit": null, "figures": [1]}',
    ],
)  # fmt: skip
def test_a_line_that_is_no_entry_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(json.dumps(entry(1, None, 5).as_dict()) + "\n\n" + line + "\n")
    with pytest.raises(UsageError, match=r"history\.jsonl:3 is no entry"):
        history.read(path)


def test_what_is_no_text_at_all(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        history.read(tmp_path / "history.jsonl")
    with pytest.raises(UsageError, match="can't read"):
        history.read(tmp_path)
    with pytest.raises(UsageError, match="can't write"):
        history.append(tmp_path / "history.jsonl" / "x", [], entry(1, None, 1), tmp_path)


def test_before_is_the_first_that_was_known() -> None:
    entries = [entry(1, "aa", None), entry(2, "bb", 5), entry(3, "cc", 4)]
    assert history.first_known(entries)["source.references"] == 5
    later = HistoryEntry(entries[2].time, "dd", {"source.references": 4, "source.owner.@new": 2})
    assert history.first_known([*entries, later])["source.owner.@new"] == 0


def test_the_commit_is_that_of_the_folder(tmp_path: Path) -> None:
    assert HistoryEntry.now({}, tmp_path).commit is None
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert HistoryEntry.now({}, tmp_path).commit is None
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], cwd=tmp_path, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert HistoryEntry.now({}, tmp_path).commit == head.stdout.strip()


def test_no_git_is_no_trouble(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert HistoryEntry.now({}, tmp_path).commit is None


def test_the_picture_draws_each_series_and_fetches_nothing() -> None:
    built = HistoryEntry(entry(3, None, 1).time, None, {"source.references": 1, "migration.deprecated": 7})
    picture = as_svg([entry(1, "aa", 5), entry(2, "bb", None), built])
    assert "phase P0" in picture
    assert "deprecated engines built" in picture
    assert "<script" not in picture
    assert "@import" not in picture
    assert as_svg([entry(1, "aa", 5)]).startswith("<?xml")


def test_drawing_leaves_what_is_installed_findable() -> None:
    assert metadata.version("isolation-audit")
    assert not [finder for finder in sys.meta_path if type(finder).__module__.startswith("pygal")]
