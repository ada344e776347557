"""Framing of what is written: chunks of HTTP/1 and server-sent events, however small they are and however they are cut.

The long ones are read in a time that grows with their length: one that grew with its square would take an hour.
"""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from isolation_audit.integrations.building_blocks.wire import Chunks
from isolation_audit.rules.content.pushes import Events
from isolation_audit.rules.content.responses import Response

MANY = 60_000


def cut(body: bytes, seed: int) -> list[bytes]:
    chance, parts, at = random.Random(seed), [], 0
    while at < len(body):
        size = chance.choice([1, 2, 3, 7, 300])
        parts.append(body[at : at + size])
        at += size
    return parts


@pytest.mark.parametrize("seed", range(20))
def test_chunks_are_the_same_however_they_are_cut(seed: int) -> None:
    texts = [b"alice", b"\r\n", b"0\r\n\r\n", b"5\r\n", b"x" * 300, b";"]
    body = b"".join(b"%x;name=value\r\n%s\r\n" % (len(text), text) for text in texts) + b"0\r\n\r\n"
    chunks = Chunks()
    assert b"".join([chunks.data(part) for part in cut(body, seed)]) == b"".join(texts)
    assert chunks.over


def test_what_is_no_chunks_after_all_is_given_as_it_is() -> None:
    assert Chunks().data(b"alice\r\nbob") == b"alice\r\nbob"
    chunks = Chunks()
    assert chunks.data(b"a" * 200) == b""
    assert chunks.data(b"a" * 200 + b"\r\n") == b"a" * 400 + b"\r\n"


@pytest.mark.parametrize("seed", range(20))
def test_events_are_the_same_however_they_are_cut(seed: int) -> None:
    body = b"data: one\n\ndata: two\r\ndata: three\r\n\r\nid: 1\r\r: nothing\n\ndata: four"
    parts = cut(body, seed)
    events = Events()
    found = [one for number, part in enumerate(parts, 1) for one in events.events(part, last=number == len(parts))]
    assert [one for one in found if one] == [b"one", b"two\nthree", b"four"]


def test_very_many_small_chunks_are_read_at_once() -> None:
    assert Chunks().data(b"1\r\nx\r\n" * MANY) == b"x" * MANY


def test_very_many_small_events_are_read_at_once() -> None:
    assert sum(map(len, Events().events(b"data: x\n\n" * MANY, last=True))) == MANY


@pytest.mark.parametrize("many", [1, 500, 501, MANY])
def test_of_very_many_events_at_once_the_last_ones_are_judged_together(many: int) -> None:
    response = Response.__new__(Response)
    response._shared, response._request = False, SimpleNamespace(asked=None, endpoint=None)
    judged: list[bytes] = []
    push = SimpleNamespace(message=lambda event, *_about, **_request: judged.append(event))
    response._pushed(push, Events(), b"data: x\n\n" * many, None, last=True)
    assert b"".join(judged).replace(b"\n", b"") == b"x" * many
    assert judged[:500] == [b"x"] * min(many, 500)
    assert len(judged) <= 501
