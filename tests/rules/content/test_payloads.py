"""What payloads are read for: marks, within bounds; fields that may name others; and whose answer it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from isolation_audit import system_scope, user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model, parse_config
from isolation_audit.rules.content import payloads as module
from isolation_audit.rules.content.payloads import Payloads

if TYPE_CHECKING:
    from collections.abc import Iterator

ALICE, BOB = "alice.liddell", "bob.builder"


@pytest.fixture
def payloads() -> Iterator[Payloads]:
    config = parse_config(
        {"responses": {"mentions": ["carer"], "paths": ["/board*", "/news"]}, "report": {"terminal": False}}
    )
    with Auditor(config) as auditor:
        for user in (ALICE, BOB):
            with user_scope(user):
                pass
        yield auditor.runtime.part(Payloads)


def ids(marks) -> set[str]:
    return {mark.user.id for mark in marks}


def test_whom_a_text_names(payloads: Payloads) -> None:
    assert payloads.named(f"from {ALICE} to {BOB}") == {ALICE, BOB}
    assert payloads.named(f"x{ALICE}x") == set()
    assert payloads.marked({"a": [ALICE]})
    assert not payloads.marked({"a": ["carol"]})


def test_bytes_and_texts_are_searched_as_far_as_they_may_be(payloads: Payloads, monkeypatch) -> None:
    tally = payloads._runtime.tally
    assert ids(payloads.marks(ALICE)) == ids(payloads.marks(ALICE.encode() + b"\xff")) == {ALICE}
    before = tally.payloads_truncated
    monkeypatch.setattr(module, "LARGEST", 20)
    assert ids(payloads.marks("x" * 30 + ALICE)) == set()
    assert ids(payloads.marks(ALICE + " " * 30)) == {ALICE}
    payloads.unread()
    assert tally.payloads_truncated == before + 3


@pytest.mark.parametrize(
    ("body", "outside"),
    [
        ({"author": ALICE, "text": "hello"}, set()),
        ({"text": f"for {ALICE}", "author": BOB}, {ALICE}),
        ({"items": [{"carer": ALICE, "room": 7}]}, set()),
        ({"owner": ALICE}, {ALICE}),
        ({"carer": ALICE}, set()),
        ({"author": ALICE}, {ALICE}),
        ([{"author": ALICE}], set()),
    ],
)
def test_fields_that_may_name_others(payloads: Payloads, body, outside) -> None:
    """But one name alone is no record: nothing is there that somebody could have made."""
    assert ids(payloads.outside_mentions(json.dumps(body).encode())) == outside


def test_where_in_a_document_a_name_is(payloads: Payloads) -> None:
    body = json.dumps({"author": ALICE, "items": [{"note": 1}, {"note": f"of {ALICE}"}]}).encode()
    (mark,) = payloads.marks(ALICE)
    assert payloads.field(body, mark) == "$.items[1].note"
    assert payloads.field(b"no json: " + ALICE.encode(), mark) is None


def test_paths_whose_answers_may_name_others(payloads: Payloads) -> None:
    assert payloads.opens_paths
    assert payloads.may_name_others("/board/7")
    assert payloads.may_name_others("/news?page=2")
    assert not payloads.may_name_others("/notes?of=/board")


def test_whose_work_is_running(payloads: Payloads) -> None:
    assert payloads.user() is None
    with user_scope(ALICE):
        assert payloads.user().id == payloads.reader().id == ALICE
    with system_scope():
        assert payloads.user() is payloads.reader() is None


def test_without_paths_no_answer_may_name_others() -> None:
    with Auditor(Config(report=model.Report(terminal=False))) as auditor:
        made = auditor.runtime.part(Payloads)
        assert not made.opens_paths
        assert not made.may_name_others("/board")
