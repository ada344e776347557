"""Journals asked who could have seen whose data: DuckDB here, whatever the files have become."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET
from zlib import crc32

import pytest

pytest.importorskip("ibis")

from doors import cli as done_by
from isolation_audit.cli.commands import cli
from isolation_audit.exceptions import UsageError
from isolation_audit.exporters.journal_lines import line
from isolation_audit.investigate.database import of_backend, of_files
from isolation_audit.investigate.markdown import as_markdown, headline
from isolation_audit.investigate.questions import Wanted, ask
from isolation_audit.investigate.runs import runs
from isolation_audit.investigate.timeline import as_svg
from isolation_audit.model.pseudonyms import Pseudonyms
from journals import DAY, Writer

if TYPE_CHECKING:
    from pathlib import Path

    from isolation_audit.investigate.answers import Answers

pytestmark = pytest.mark.usefixtures("no_driver_is_left")


@pytest.fixture(name="journal")
def _journal(tmp_path: Path) -> Path:
    """Two workers: alice's data met bob twice and carol once, erin's met bob."""
    path = tmp_path / "journal.jsonl"
    one, two = Writer(path, "w1"), Writer(path, "w2", host="two")
    one.events("u1", "alice", 5)
    one.events("u9", "alice", 50)
    two.crossing("alice", "bob", 30.0, run="run-2", unit="u2")
    one.crossing("alice", "bob", 20.0, run="run-1", unit="u1", trace="t1")
    one.crossing("alice", "carol", 40.0, unit="u1")
    two.crossing("erin", "bob", 10.0, rule="IA402", severity="warning", fingerprint="f2", event=None)
    two.write("unit", 50.0, began=DAY, name="x", events=5, crossings=1, failed=False, user="alice", unit="u1")
    two.write("finding", 60.0, rule="IA202", severity="error", fingerprint="f1", event="answer")
    return path


def asked(*paths: Path, **wanted: Any) -> Answers:
    with of_files(paths) as (lines, damaged):
        return ask(lines, Wanted(**wanted), damaged)


def test_who_could_have_seen_whose_data(journal: Path) -> None:
    answers = asked(journal)
    told = [(one.sender, one.receiver, one.times, one.first - DAY, one.last - DAY) for one in answers.exposures]
    assert told == [("erin", "bob", 1, 10, 10), ("alice", "bob", 2, 20, 30), ("alice", "carol", 1, 40, 40)]
    assert [(one.first_run, one.first_trace, one.events) for one in answers.exposures] == [
        (None, None, 0),
        ("run-1", "t1", 5),
        (None, None, 5),
    ]
    assert (answers.senders, answers.receivers) == (2, 2)


def test_by_which_way(journal: Path) -> None:
    warning, error = asked(journal).paths
    assert (warning.fingerprint, warning.rule, warning.severity, warning.times) == ("f2", "IA402", "warning", 1)
    assert (error.rule, error.route, error.target, error.event) == ("IA202", "GET /x", "shop:Emitter", "answer")
    assert (error.times, error.pairs, error.first_run, error.place) == (3, 2, "run-1", "shop.py:3 in ask")


WANTED: list[tuple[dict[str, Any], int]] = [
    ({"user": "carol"}, 1),
    ({"user": "alice"}, 3),
    ({"user": "nobody"}, 0),
    ({"rule": "IA2"}, 3),
    ({"severity": "warning"}, 1),
    ({"since": DAY + 15}, 3),
    ({"until": DAY + 25}, 2),
    ({"since": DAY + 25, "until": DAY + 35, "user": "bob"}, 1),
]


def test_what_is_asked_for(journal: Path) -> None:
    with of_files([journal]) as (lines, _damaged):
        for wanted, times in WANTED:
            assert sum(one.times for one in ask(lines, Wanted(**wanted)).exposures) == times, wanted


def test_a_journal_and_its_copy_count_once(journal: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.jsonl").write_bytes(journal.read_bytes())
    assert sum(one.times for one in asked(journal, tmp_path / "copy.jsonl").exposures) == 4


def test_older_files_and_folders(journal: Path, tmp_path: Path) -> None:
    Writer(tmp_path / "journal.jsonl.2", "w3").crossing("x", "y", 1.0)
    Writer(tmp_path / "other.jsonl", "w4").crossing("p", "q", 1.0)
    (tmp_path / "journal.jsonl.lock").touch()
    assert sum(one.times for one in asked(journal).exposures) == 5
    assert sum(one.times for one in asked(tmp_path).exposures) == 6


def test_how_far_it_can_be_trusted(journal: Path) -> None:
    assert asked(journal).doubts() == []
    other = Writer(journal, "w3", key="k2")
    other.lose()
    other.write("clock", step=-3600.0)
    other.write("lost", records=9)
    with journal.open("ab") as file:
        file.write(b'{"kind":"crossing","sender":"a","rec')
        file.write(line({"kind": "crossing", "at": DAY, "sender": "late", "receiver": "bob"} | KNOWN))
    answers = asked(journal)
    assert "late" in {one.sender for one in answers.exposures}  # behind what was cut
    worker = next(one for one in answers.workers if one.worker == "w3")
    assert (worker.lines, worker.missing, worker.lost, worker.clock_steps) == (3, 1, 9, 1)
    doubts = " ".join(answers.doubts())
    for words in ("2 different keys", "1 line(s) were cut", "1 line(s) are missing", "9 record(s)", "a clock was set"):
        assert words in doubts


KNOWN = {"worker": "w9", "seq": 1, "fingerprint": "f", "rule": "IA202", "severity": "error"}


def test_lines_of_any_form_are_no_answer_and_no_error(journal: Path) -> None:
    wild = [
        {"kind": "crossing", "at": "x", "sender": [1], "receiver": {"a": 1}, "seq": 10**30},
        {"kind": 5, "at": None},
        {"kind": "crossing", "at": DAY, "sender": "<b>", "receiver": "|x`", **KNOWN, "place": {"x": 1}},
        {"kind": "start", "host": 7, "pid": "x", "worker": "w9", "seq": 2, "at": DAY},
    ]
    with journal.open("ab") as file:
        for record in wild:
            file.write(line(record))
    answers = asked(journal)
    assert ("<b>", "|x`") in {(one.sender, one.receiver) for one in answers.exposures}
    assert "| \\<b> | \\|x\\` |" in as_markdown(answers)
    ET.fromstring(as_svg(answers) or "")


VALUES: list[Any] = [None, True, -1, 0, 10**30, 1e308, float("nan"), "", "x", "\x00", "\u202e", [], [1], {"a": 1}]


def test_any_line(tmp_path: Path) -> None:
    chance = random.Random(1)
    keys = ["kind", "at", "sender", "receiver", "worker", "seq", "rule", "severity", "run", "unit", "place", "records"]
    tame = {"kind": "crossing", "at": DAY, "sender": "a", "receiver": "b", **KNOWN}
    with (tmp_path / "any.jsonl").open("wb") as file:
        for number in range(500):
            wild = {key: chance.choice(VALUES) for key in chance.sample(keys, chance.randint(1, 3))}
            file.write(line({**tame, "seq": number, **wild}))
    answers = asked(tmp_path / "any.jsonl")
    assert ("a", "b") in {(one.sender, one.receiver) for one in answers.exposures}
    assert headline(answers)
    assert as_markdown(answers).count("\n| ") > 10
    ET.fromstring(as_svg(answers) or "")


def test_the_runs_in_which_users_met_event_by_event(journal: Path) -> None:
    with of_files([journal]) as (lines, _damaged):
        first, second, work = runs(lines, Wanted(severity="error"))
    assert (first.title, [lane.name for lane in first.lanes]) == ("run-1, the work of alice", ["met bob"])
    assert second.title == "run-2, the work of alice"
    assert (work.title, [(lane.name, len(lane.marks)) for lane in work.lanes]) == (
        "u1, the work of alice",
        [("emitter", 5), ("met carol", 1)],
    )


def test_the_picture_has_a_lane_for_each_two_users(journal: Path) -> None:
    picture = ET.fromstring(as_svg(asked(journal)) or "")
    space = "{http://www.w3.org/2000/svg}"
    names = [text.text for text in picture.iter(f"{space}text") if text.get("text-anchor") == "end"]
    assert names[:3] == ["erin > bob", "alice > bob", "alice > carol"]
    assert len(list(picture.iter(f"{space}rect"))) == 4
    assert as_svg(asked(journal, user="nobody")) is None


def test_the_command(journal: Path) -> None:
    folder = journal.parent
    (folder / "isolation-audit.toml").write_text('[journal]\npath = "journal.jsonl"\n')
    done = done_by("investigate", "--markdown", "out.md", "--svg", "out.svg", cwd=folder)
    assert done.code == 0, done.err
    text = done.out.decode()
    assert text.startswith("Data of 2 user(s) could have been seen by 2 user(s), 4 times, from 2026-05-28 20:26:50 UTC")
    assert "| alice | bob | 2 |" in (folder / "out.md").read_text()
    assert (folder / "out.svg").read_text().startswith("<svg ")


def test_as_json(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["investigate", str(journal), "--json", "--user", "carol"], standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert [one["receiver"] for one in told["exposures"]] == ["carol"]


def test_who_they_are_for_whoever_has_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOLATION_AUDIT_KEY", "0123456789abcdef0123456789abcdef")
    pseudonyms = Pseudonyms()
    Writer(tmp_path / "journal.jsonl", "w1").crossing(pseudonyms.text("alice"), pseudonyms.text("bob"), 1.0)
    (tmp_path / "ids").write_text("carol\nalice\n\n")
    words = ["investigate", str(tmp_path / "journal.jsonl"), "--ids", str(tmp_path / "ids")]
    cli.main(words, standalone_mode=False)
    assert capsys.readouterr().out.endswith(f"{pseudonyms.text('alice')} is alice\n")
    cli.main([*words, "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["users"] == {pseudonyms.text("alice"): "alice"}
    monkeypatch.delenv("ISOLATION_AUDIT_KEY")
    with pytest.raises(UsageError, match="--ids needs ISOLATION_AUDIT_KEY"):
        cli.main(words, standalone_mode=False)


def test_a_journal_with_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").touch()
    assert headline(asked(tmp_path)).startswith("No user is known")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none.jsonl",), "there is no journal at none.jsonl"),
        ((), "name a journal"),
        (("pipe.jsonl",), "is not a regular file"),
        (("text.jsonl",), "is no journal of isolation-audit"),
        (("journal.jsonl", "--from", "yesterday"), "yesterday is no time"),
        (("journal.jsonl", "--user", "nobody", "--svg", "x.svg"), "nobody met anybody"),
        (("journal.jsonl", "--backend", "duckdb://"), "name journals, or --backend"),
        (("--backend", "nothing://user:secret@host/x"), "can't use nothing://host/x, table journal"),
    ],
)
def test_what_can_t_be_answered_is_one_line(
    journal: Path, words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(journal.parent)
    os.mkfifo("pipe.jsonl")
    (journal.parent / "text.jsonl").write_text("hello\n{}\n")
    with pytest.raises(UsageError, match=said) as told:
        cli.main(["investigate", *words], standalone_mode=False)
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)


def test_an_engine_that_has_the_lines_in_a_table(journal: Path, tmp_path: Path) -> None:
    import duckdb

    from isolation_audit.investigate.database import COLUMNS

    place = tmp_path / "lines.duckdb"
    columns = json.dumps(COLUMNS).replace('"', "'")
    with duckdb.connect(str(place)) as connection:
        connection.execute(
            f"CREATE TABLE audit AS SELECT * FROM read_json('{journal}', columns={columns}, format='newline_delimited')"
        )
        connection.execute("CREATE TABLE other AS SELECT 1 AS kind")
    with of_backend(f"duckdb://{place}", "audit") as (lines, damaged):
        answers = ask(lines, Wanted(), damaged)
    assert answers.exposures == asked(journal).exposures
    with (
        pytest.raises(UsageError, match="is no journal: it has no column at, "),
        of_backend(f"duckdb://{place}", "other"),
    ):
        pass


@pytest.mark.parametrize(
    "name", ["*.jsonl", "[ab].jsonl", 'it\'s "x".jsonl', "x.jsonl.gz", "x.jsonl.zst", "{a,b}.jsonl"]
)
def test_signs_in_the_name_of_a_journal_mean_nothing(tmp_path: Path, name: str) -> None:
    """A database takes some for patterns, which lead to other files, and endings for forms of compression."""
    folder = tmp_path / "journals"
    folder.mkdir()
    Writer(folder / name, "w1").crossing("alice", "bob", 1.0)
    for other in ("a.jsonl", "x.jsonl"):
        Writer(folder / other, "w2").crossing("carol", "dave", 1.0)
    assert [one.sender for one in asked(folder / name).exposures] == ["alice"]
    assert {one.sender for one in asked(folder).exposures} == {"alice", "carol"}


HOSTILE: dict[str, dict[str, Any]] = {
    "infinity": {"at": float("inf")},
    "words for numbers": {"at": "nan", "seq": "infinity"},
    "no time": {"at": -1e300},
    "no date": {"at": 1e300},
    "a large number": {"seq": 10**4_000},
    "objects": {"sender": {"a": [1]}, "receiver": [1, 2], "fingerprint": {}},
    "half of a character": {"sender": "\ud800"},
    "NUL": {"sender": "a\0b"},
    "megabytes": {"sender": "s" * 3_000_000, "place": "p" * 500_000},
    "markup": {"sender": "\x1b[2J\n\u202e|<script>", "rule": "\x1b[2J", "route": "<img>", "run": "\r", "event": "]]>"},
    "depth": {"more": json.loads("[" * 900 + "]" * 900)},
    "losses without end": {"kind": "lost", "records": 2**63 - 1},
}


def test_lines_that_somebody_else_has_written(journal: Path, tmp_path: Path) -> None:
    """With their checksums; what is no line of a journal is left out, the others are told as before."""
    record = {"kind": "crossing", "rule": "IA202", "severity": "error", "fingerprint": "f", "at": DAY, "worker": "w9"}
    with journal.open("ab") as file:
        for number, changes in enumerate(HOSTILE.values()):
            hostile = {**record, "sender": "mallory", "receiver": "eve", "seq": number, **changes}
            text = json.dumps(hostile, separators=(",", ":")).encode().replace(b"Infinity", b"1e999")[:-1]
            file.write(b'%s,"crc":"%08x"}\n' % (text, crc32(text)))
    answers = asked(journal)
    told = {(one.sender, one.receiver): one.times for one in answers.exposures}
    assert told.items() >= {("erin", "bob"): 1, ("alice", "bob"): 2, ("alice", "carol"): 1}.items()
    assert answers.damaged >= 3
    json.dumps(answers.as_dict(), allow_nan=False)
    svg = as_svg(answers)
    for text in (as_markdown(answers), json.dumps(answers.as_dict(), ensure_ascii=False), svg):
        assert len(text) < 100_000
        assert all(line.isprintable() for line in text.splitlines())
    assert "<script>" not in svg
    done = done_by("investigate", str(journal), cwd=tmp_path)
    assert (done.code, len(done.out) < 100_000) == (0, True), done.err
    assert b"\x1b" not in done.out


def test_what_is_asked_for_is_a_value_and_no_part_of_the_question(journal: Path) -> None:
    for words in ("x' OR '1'='1", "'; DROP TABLE journal; --", "%", "_", "alice' --"):
        assert asked(journal, user=words).exposures == ()
        assert asked(journal, rule=words).exposures == ()
    assert asked(journal, user="alice", rule="IA2").senders == 1


def test_a_table_elsewhere_that_is_not_there_tells_no_password() -> None:
    for url in ("nosuch://user:hidden-word@host/x", "duckdb:///no/such/folder/x?password=hidden-word", "http://[::1"):
        with pytest.raises(UsageError) as refused, of_backend(url, "jour\x1b[2Jnal"):
            pass
        assert "hidden-word" not in str(refused.value)
        assert str(refused.value).isprintable()
