"""What WSGI servers write, part by part, on waitress in this process; servers as processes: tests/integrations."""

from __future__ import annotations

import gc
import http.client
import json
import logging
import threading
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from auditing import Audit, config, current_user

import isolation_audit
from isolation_audit.auditor import Auditor
from isolation_audit.integrations.building_blocks.wsgi_servers import Bodies
from isolation_audit.rules.content.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

waitress = pytest.importorskip("waitress")

ALICE, BOB = "user-alice", "user-bob"
MINE = json.dumps({"owner": BOB, "text": "buy milk"}).encode()
HERS = json.dumps({"owner": ALICE, "text": "call the bank"}).encode()
SAID = json.dumps({"user": ALICE, "text": "call the bank"}).encode()


@pytest.fixture(autouse=True)
def _alice_is_known(audit) -> None:
    audit.as_user(ALICE, audit.auditor.runtime.ambient.current)


def witnesses(audit: Audit) -> list[tuple[str | None, str | None]]:
    findings = [entry.finding for entry in audit.auditor.recorder.entries()]
    assert {one.rule for one in findings} <= {"IA203"}, findings
    return [(one.witnesses.ambient, one.witnesses.content) for one in findings]


@contextmanager
def serving(application: Any, *, wrapped: bool = True):
    """An application on a server with one thread: gives what asks it for a path."""
    connections: dict[int, Any] = {}
    over = threading.Event()
    server = waitress.create_server(
        application, map=connections, host="127.0.0.1", port=0, threads=1, clear_untrusted_proxy_headers=wrapped
    )

    def serve() -> None:
        while not over.is_set():
            server.asyncore.loop(timeout=0.01, map=connections, count=1)

    def ask(path: str = "/") -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.effective_port}{path}", timeout=60) as response:
            return response.read()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield ask
    finally:
        over.set()
        thread.join()
        server.task_dispatcher.shutdown()
        server.asyncore.close_all(connections)


def answering(*parts: bytes, kind: str = "application/json", encoding: str | None = None) -> Any:
    """An application for bob."""

    def application(_environ: Any, start_response: Any) -> Iterable[bytes]:
        current_user.set(BOB)
        start_response("200 OK", [("Content-Type", kind), *([("Content-Encoding", encoding)] if encoding else [])])
        return list(parts)

    return application


@pytest.mark.parametrize("parts", [(HERS,), (HERS[:14], HERS[14:]), (b"see user-a", b"lice and others"), (HERS, b"")])
@pytest.mark.parametrize("wrapped", [True, False])
def test_another_users_data_is_found_once_with_the_application(audit, parts, wrapped) -> None:
    with serving(answering(*parts), wrapped=wrapped) as ask:
        assert ask() == b"".join(parts)
    assert witnesses(audit) == [(BOB, ALICE)]
    assert audit.auditor.recorder.counts["IA203"] == 1
    (finding,) = audit.found("IA203")
    assert finding.target == "waitress.task:Task.write"
    assert (finding.site.top.file, finding.site.top.function.rpartition(".")[2]) == (__file__, "application")


def test_an_event_that_is_pushed_out_of_memory_is_found(audit) -> None:
    with serving(answering(b"data: ", HERS, b"\n\n", kind="text/event-stream")) as ask:
        assert ask() == b"data: " + HERS + b"\n\n"
    assert witnesses(audit) == [(BOB, ALICE)]


CLEAN = {
    "own": (answering(MINE), "/"),
    "own in a later part": (answering(b"[" + HERS + b",", MINE + b"]"), "/"),
    "asked for by path": (answering(HERS), f"/users/{ALICE}"),
    "asked for by query": (answering(HERS), f"/users?id={ALICE}"),
    "nobody": (answering(b"nothing"), "/"),
    "a style sheet": (answering(HERS, kind="text/css"), "/"),
    "said in a chat": (answering(b"data: ", SAID, b"\n\n", kind="text/event-stream"), "/"),
}


@pytest.mark.parametrize(("application", "path"), CLEAN.values(), ids=CLEAN)
def test_what_may_leave(audit, application, path) -> None:
    with serving(application) as ask:
        ask(path)
    assert witnesses(audit) == []


def test_what_is_compressed_is_counted(audit) -> None:
    with serving(answering(HERS, encoding="br")) as ask:
        ask()
    assert (witnesses(audit), audit.auditor.runtime.tally.payloads_truncated) == ([], 1)


def test_an_application_that_fails_on_its_way_leaves_nothing(audit, caplog) -> None:
    def application(_environ: Any, start_response: Any) -> Iterable[bytes]:
        current_user.set(BOB)
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1000")])
        yield b"some words"
        raise RuntimeError("half way")

    caplog.set_level(logging.CRITICAL, logger="waitress")  # what is logged is kept, with the exceptions
    with serving(application) as ask:
        for _ in range(5):
            with pytest.raises(http.client.IncompleteRead):
                ask()
    gc.collect()
    assert {len(one._responses) for one in gc.get_objects() if type(one) is Bodies} == {0}
    assert witnesses(audit) == []


@pytest.mark.parametrize("method", ["chunk", "__init__"])
def test_faults_in_it_are_counted_and_the_application_goes_on(monkeypatch, method) -> None:
    def broken(*_arguments: Any, **_keywords: Any) -> None:
        raise RuntimeError("broken")

    isolation_audit.uninstrument()
    monkeypatch.setattr(Response, method, broken)
    with Auditor(config()) as auditor, serving(answering(HERS, HERS)) as ask:
        assert [ask() for _ in range(3)] == [HERS + HERS] * 3
        assert auditor.runtime.barrier.total > 0
