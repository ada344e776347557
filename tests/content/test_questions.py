"""Which parameters of a statement say whose something is."""

from __future__ import annotations

from typing import Any

import pytest

from isolation_audit.content.questions import of_statement, persons_asked_for
from isolation_audit.model.inputs import ROWS, Input


@pytest.mark.parametrize(
    ("statement", "given", "persons"),
    [
        ('SELECT * FROM "policy" WHERE "policy"."holder_id" = %s', (7,), [7]),
        ("SELECT * FROM notes WHERE kind = ? AND owner = ? LIMIT ?", (1, 7, 20), [7]),
        ("SELECT * FROM notes WHERE kind = :kind AND user_id = :who", {"who": 7, "kind": 1}, [7]),
        ("SELECT * FROM notes WHERE notes.owner_id = %(owner_id_1)s", [{"owner_id_1": 7}], [7]),
        ("SELECT * FROM notes WHERE notes.owner_id = ?", [(7,)], [7]),
        ("SELECT * FROM notes WHERE customer_id = $1", (7,), [7]),
        ("SELECT * FROM auth_user WHERE auth_user.id = %s", (7,), [7]),
        ("SELECT * FROM `users` WHERE `users`.`id`=%s", (7,), [7]),
        ("SELECT * FROM orders WHERE orders.id = %s", (7,), []),
        ("SELECT * FROM notes WHERE id = ?", (7,), []),
        ("SELECT * FROM notes WHERE group_id = ? AND user_name = ?", (7, "x"), []),
        ("SELECT owner FROM notes WHERE created > ? AND owner <> ?", (1, 7), []),
        ("SELECT * FROM notes WHERE owner = ?", (), []),
        ("SELECT * FROM notes WHERE owner = :who", (), []),
        ("SELECT '12:30', :who::int FROM notes", {"who": 7}, []),
        (b"SELECT * FROM notes WHERE owner = ?", (7,), []),
    ],
)
def test_persons(statement: Any, given: Any, persons: list[Any]) -> None:
    assert [*persons_asked_for(Input(ROWS, None, (statement, given), asked=of_statement))] == persons
    assert of_statement((statement, given)) is given


def test_other_questions_say_nothing() -> None:
    assert [*persons_asked_for(Input(ROWS, None, ("SELECT 1", (7,))))] == []
    assert [*persons_asked_for(Input(ROWS, None))] == []
