"""The journal: what happens is appended line by line, private, and whatever happens to the process or the disk."""

from __future__ import annotations

import json
import random
import signal
import stat
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit import Auditor, user_scope
from isolation_audit.config import parse_config
from isolation_audit.config.outputs import Journal
from isolation_audit.exporters import journal, journal_file
from isolation_audit.exporters.base import Batch
from isolation_audit.exporters.configured import configured_sinks
from isolation_audit.exporters.journal import JournalSink
from isolation_audit.exporters.journal_lines import line, whole
from isolation_audit.model.pseudonyms import Pseudonyms
from isolation_audit.model.scopes import Scope

if TYPE_CHECKING:
    from pathlib import Path

APP = "class Emitter:\n    def emit_answer(self, to):\n        pass\n"


def sink_of(path: Path, **options: Any) -> JournalSink:
    return JournalSink(path, Journal(path=path, **options), Pseudonyms(), "run")


def batch(*records: int) -> Batch:
    entries = [SimpleNamespace(last_seen=1.0, as_dict=lambda number=number: {"number": number}) for number in records]
    return Batch(entries, [], dict)  # type: ignore[arg-type]


def lines_of(*files: Path) -> list[dict[str, Any]]:
    """All lines that are whole, of one file after the other."""
    found = [text for file in files for text in file.read_bytes().split(b"\n") if text]
    return [json.loads(read) for text in found if (read := whole(text)) is not None]


def numbers(*files: Path) -> list[int]:
    return [record["number"] for record in lines_of(*files) if record["kind"] == "finding"]


def all_of(path: Path) -> list[Path]:
    """The files of a journal that there are, the oldest first."""
    older = sorted(path.parent.glob(f"{path.name}.[0-9]*"), key=lambda file: -int(file.suffix[1:]))
    return [*older, *([path] if path.exists() else [])]


def audited(path: Path, load_app: Any, config: str = "") -> list[dict[str, Any]]:
    app = load_app(APP)
    told = {"emitters": [{"target": f"{app.__name__}:Emitter", "addressee": "args.to"}]}
    told["journal"] = {"path": str(path), **({"events": False} if config else {})}
    told["report"] = {"terminal": False}
    with Auditor(parse_config(told), configured_sinks), user_scope("alice", run_id="r1"):
        for to in ("alice", "bob", "bob", "carol"):
            app.Emitter().emit_answer(to)
    return lines_of(path)


def test_findings_crossings_and_events_of_a_piece_of_work(tmp_path, load_app) -> None:
    path = tmp_path / "logs" / "journal.jsonl"
    records = audited(path, load_app)
    kinds = [record["kind"] for record in records]
    assert sorted(kinds) == sorted(["start", "finding", *["crossing"] * 3, *["event"] * 4, "unit"])
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    (finding,) = (record for record in records if record["kind"] == "finding")
    crossings = [record for record in records if record["kind"] == "crossing"]
    (unit,) = (record for record in records if record["kind"] == "unit")
    assert {one["fingerprint"] for one in crossings} == {finding["fingerprint"]}
    assert {one["sender"] for one in crossings} == {unit["user"]}
    assert len({one["receiver"] for one in crossings}) == 2
    assert crossings[0]["place"].endswith("in audited")
    assert all(unit["began"] <= one["at"] <= unit["at"] for one in records if one["kind"] in ("crossing", "event"))
    assert {(one["run"], one["unit"], one["trace"]) for one in records if one["kind"] not in ("start", "finding")} == {
        (unit["run"], unit["unit"], unit["trace"])
    }
    assert (unit["events"], unit["crossings"], unit["failed"]) == (4, 3, False)
    text = path.read_text()
    assert not [name for name in ("alice", "bob", "carol", '"r1"') if name in text]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_without_events_only_findings_and_crossings_are_written(tmp_path, load_app) -> None:
    kinds = {record["kind"] for record in audited(tmp_path / "journal.jsonl", load_app, "without")}
    assert kinds == {"start", "finding", "crossing"}


@given(st.dictionaries(st.text(), st.text() | st.floats() | st.none() | st.integers()), st.integers(0, 500))
def test_a_line_is_whole_or_known_to_be_cut(record: dict[str, Any], at: int) -> None:
    text = line({"kind": "x", **record})[:-1]
    assert whole(text) == text
    assert json.loads(text)["kind"] == record.get("kind", "x")
    if at < len(text):
        assert whole(text[:at]) is None
        assert whole(text[:at] + b"#" + text[at + 1 :]) in (None, text)
        # The next line of another process, behind what a killed one has left.
        assert whole(text[:at] + line({"kind": "next"})[:-1]) == line({"kind": "next"})[:-1]


def test_a_full_file_is_followed_by_the_next_one_and_the_oldest_goes(tmp_path) -> None:
    path = tmp_path / "journal.jsonl"
    sink = sink_of(path, size=1_000, keep=3)
    for number in range(60):
        sink.drain(batch(number))
    sink.close()
    files = all_of(path)
    assert [file.name for file in files][:3] == ["journal.jsonl.3", "journal.jsonl.2", "journal.jsonl.1"]
    kept = numbers(*files)
    assert kept == list(range(kept[0], 60))
    assert kept[0] > 0
    assert all(lines_of(file)[0]["kind"] == "start" for file in files if file.stat().st_size)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


def test_a_file_that_was_taken_away_is_made_anew(tmp_path) -> None:
    path = tmp_path / "journal.jsonl"
    sink = sink_of(path)
    sink.drain(batch(1))
    path.rename(tmp_path / "by-logrotate")
    sink.drain(batch(2))
    sink.close()
    assert (numbers(tmp_path / "by-logrotate"), numbers(path)) == ([1], [2])


WRITER = """\
import sys
from pathlib import Path
from types import SimpleNamespace
from isolation_audit.config.outputs import Journal
from isolation_audit.exporters.base import Batch
from isolation_audit.exporters.journal import JournalSink
from isolation_audit.model.pseudonyms import Pseudonyms

path, name, most, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
sink = JournalSink(path, Journal(path=path, size=size, keep=1000), Pseudonyms(), "run")
for number in range(most):
    told = {"number": number, "name": name, "text": "x" * (number * 37 % 3000)}
    sink.drain(Batch([SimpleNamespace(last_seen=1.0, as_dict=lambda: told)], [], dict))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
print("lost", sink.exports["lost"])
"""


def _writer(path: Path, name: str, most: int, size: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WRITER, str(path), name, str(most), str(size)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_several_processes_write_one_journal_and_exchange_its_files(tmp_path) -> None:
    path = tmp_path / "journal.jsonl"
    writers = [_writer(path, f"w{number}", 400, 50_000) for number in range(3)]
    ends = [writer.communicate(timeout=120)[0].splitlines()[-1] for writer in writers]
    assert ends == ["lost 0"] * 3
    files = all_of(path)
    assert len(files) > 5
    found = [record for record in lines_of(*files) if record["kind"] == "finding"]
    for number in range(3):
        assert sorted(record["number"] for record in found if record["name"] == f"w{number}") == list(range(400))


def _killed(folder: Path, rounds: int, seed: int) -> None:
    """Kill writers at any moment: what they have said to be written is there, each line by itself."""
    chance = random.Random(seed)
    path = folder / "journal.jsonl"
    acknowledged: dict[str, int] = {}
    for number in range(rounds):
        writer = _writer(path, f"w{number}", 1_000_000, 200_000)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "0\n"
        time.sleep(chance.uniform(0.0, 0.05))
        writer.send_signal(signal.SIGKILL)
        said = writer.stdout.read().splitlines(keepends=True)
        writer.wait()
        writer.stdout.close()
        acknowledged[f"w{number}"] = max([0, *(int(one) for one in said if one.endswith("\n"))])
    found: dict[str, set[int]] = {}
    for record in lines_of(*all_of(path)):
        if record["kind"] == "finding":
            found.setdefault(record["name"], set()).add(record["number"])
    for name, last in acknowledged.items():
        assert found[name] >= set(range(last + 1)), name


def test_what_was_written_before_a_kill_is_there(tmp_path) -> None:
    _killed(tmp_path, 3, 1)


@pytest.mark.long
def test_two_hundred_kills(tmp_path) -> None:
    _killed(tmp_path, 200, 2)


def test_a_line_behind_one_that_was_cut_by_a_kill_begins_anew(tmp_path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"kind":"finding","at":1,"numb')
    sink = sink_of(path)
    sink.drain(batch(7))
    sink.close()
    assert path.read_bytes().count(b"\n") == 3
    assert numbers(path) == [7]


def test_a_folder_that_can_t_be_written_costs_lines_which_are_counted_and_seen_as_a_gap(tmp_path, capsys) -> None:
    path = tmp_path / "journal.jsonl"
    path.mkdir()
    sink = sink_of(path)
    sink.drain(batch(1, 2))
    sink.drain(batch(3))
    assert sink.exports == {"failures": 2, "lost": 3}
    path.rmdir()
    sink.drain(batch(4))
    sink.close()
    assert [(record["kind"], record["seq"]) for record in lines_of(path)] == [("start", 4), ("finding", 5)]
    assert capsys.readouterr().err.count("can't be written") == 1


def test_a_clock_that_is_set_back_is_written_down(tmp_path) -> None:
    path = tmp_path / "journal.jsonl"
    sink = sink_of(path)
    sink.drain(batch(1))
    now = time.time()
    with mock.patch.object(journal.time, "time", return_value=now - 3600):
        sink.drain(batch(2))
    sink.close()
    (step,) = (record["step"] for record in lines_of(path) if record["kind"] == "clock")
    assert -3601 < step < -3599
    assert numbers(path) == [1, 2]


def test_what_came_too_fast_is_told(tmp_path) -> None:
    path = tmp_path / "journal.jsonl"
    sink = sink_of(path)
    for dropped, scopes in ((0, 0), (4, 1), (0, 0), (0, 2)):
        sink.drain(Batch([], [], dict, dropped=dropped, scopes_dropped=scopes))
    sink.close()
    assert [record["records"] for record in lines_of(path) if record["kind"] == "lost"] == [5, 2]
    assert sink.exports == {"failures": 0, "lost": 7}


def test_without_locks_of_files_a_full_one_grows_on(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(journal_file, "fcntl", None)
    path = tmp_path / "journal.jsonl"
    sink = sink_of(path, size=100)
    for number in range(9):
        sink.drain(batch(number))
    sink.close()
    assert numbers(path) == list(range(9))
    assert list(tmp_path.iterdir()) == [path]


def test_very_many_at_once_are_written_in_pieces_and_in_their_order(tmp_path, monkeypatch) -> None:
    path = tmp_path / "journal.jsonl"
    sink = sink_of(path)
    pieces: list[int] = []
    append = sink._append
    monkeypatch.setattr(sink, "_append", lambda records: (pieces.append(len(records)), append(records)))
    scopes = [Scope("alice", name=f"scope {number}") for number in range(950)]
    sink.drain(Batch([], scopes, dict, dropped=3))
    sink.close()
    assert len(pieces) == 10
    assert max(pieces) <= 100
    records = lines_of(path)
    assert [one["seq"] for one in records] == list(range(1, 953))
    assert [one["name"] for one in records if one["kind"] == "unit"] == [scope.name for scope in scopes]
    assert (records[0]["kind"], records[-1]["kind"], records[-1]["records"]) == ("start", "lost", 3)


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_link_of_ones_own_is_followed_and_another_users_is_not(tmp_path, monkeypatch, capsys) -> None:
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "journal.jsonl"
    elsewhere.write_text("as it was\n")
    path.symlink_to(elsewhere)
    sink = sink_of(path)
    sink.drain(batch(1))
    sink.close()
    assert numbers(elsewhere) == [1]
    before = elsewhere.read_bytes()
    owner = path.lstat().st_uid
    monkeypatch.setattr(type(path), "lstat", lambda _path: SimpleNamespace(st_uid=owner + 1))
    sink = sink_of(path)
    sink.drain(batch(2))
    sink.close()
    assert elsewhere.read_bytes() == before
    assert sink.exports["lost"] == 1
    assert "it is a link of another user" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="links and locks")
def test_nothing_is_made_through_a_link_in_the_place_of_the_lock(tmp_path) -> None:
    path, elsewhere = tmp_path / "journal.jsonl", tmp_path / "elsewhere"
    path.with_name("journal.jsonl.lock").symlink_to(elsewhere)
    sink = sink_of(path, size=100)
    for number in range(9):
        sink.drain(batch(number))
    sink.close()
    assert not elsewhere.exists()
    assert numbers(*all_of(path)) == list(range(9))
