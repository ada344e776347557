"""Whose rows statements write, by the names of their columns."""

from __future__ import annotations

from typing import Any

import pytest

from isolation_audit.content.written_owners import owners_written, writes

WRITTEN = [
    ("insert into notes (owner, text) values (?, ?)", ("alice", "hello"), ["alice"]),
    ('INSERT INTO "notes" ("text", "owner_id") VALUES (%s, %s) RETURNING "id"', ("hello", 7), [7]),
    ("insert into notes (text, at, owner) values (trim(?, ' '), now(), ?)", ("hello", "alice"), ["alice"]),
    ("insert into notes (text, owner) values ('a, b) (?', ?)", ("alice",), []),
    ("insert or replace into a.notes (owner, text) values (:owner, :text)", {"owner": "alice", "text": "x"}, ["alice"]),
    ("insert into notes (owner, text) values (%(who)s, %(text)s)", {"who": "alice", "text": "x"}, ["alice"]),
    ("insert into notes (title, text) values (?, ?)", ("alice", "hello"), []),
    ("insert into notes values (?, ?)", ("alice", "hello"), []),
    ("insert into notes (owner, text) select ?, ?", ("alice", "hello"), []),
    ("insert into notes (owner, text) values (lower(?), ?)", ("alice", "hello"), []),
    ("update notes set text = ? where owner = ?", ("hello", "alice"), ["alice"]),
    ("update notes set created_by = $1 where id = $2", ("alice", 5), ["alice"]),
    ("delete from notes where user_id = ?", ("alice",), ["alice"]),
    ("delete from notes where id = ?", (5,), []),
    ("update notes set owner = ?", (), []),
]


@pytest.mark.parametrize(("statement", "given", "owners"), WRITTEN, ids=[one[0][:48] for one in WRITTEN])
def test_owners_written(statement: str, given: Any, owners: list[Any]) -> None:
    assert writes(statement)
    assert [*owners_written(statement, given)] == owners


@pytest.mark.parametrize(
    "statement", ["select 1", "", None, b"insert into notes", 5, "create table notes (owner text)"]
)
def test_what_writes_nothing(statement: Any) -> None:
    assert not writes(statement)
